from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from services.contracts.messages import EventType, Playback, PlayRequest, Track, uuid7
from services.player.service import build
from tests.player_doubles import Clock, Room, playing, settings, write_song

HOME = "/api/players/home"


@pytest.fixture
def tracks(tmp_path: Path) -> list[Track]:
    return [write_song(tmp_path / "songs", number, 60) for number in (1, 2, 3)]


@pytest.fixture
async def room(tmp_path: Path, tracks: list[Track]) -> AsyncIterator[Room]:
    """A room that plays the first song while the second one waits."""
    async with playing(build(settings(tmp_path, "auto"), clock=Clock(), mpv_installed=False)) as room:
        room.play(*tracks[:2])
        await room.plays(tracks[0])
        yield room


def client_of(room: Room) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(room.service.router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def client(room: Room) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(room) as client:
        yield client


async def test_the_state_tells_what_plays(client: httpx.AsyncClient, tracks: list[Track]) -> None:
    state = (await client.get(HOME)).json()
    assert (state["playback"], state["current"]["track"]["title"]) == ("playing", "Song 1")
    assert [queued["track"]["song_id"] for queued in state["queue"]] == [2]


async def test_players_lists_the_room_and_what_it_can_do(client: httpx.AsyncClient) -> None:
    (player,) = (await client.get("/api/players")).json()
    assert (player["room"], player["capabilities"], player["state"]["backend"]) == ("home", ["volume"], "null")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_another_room_is_not_found(client: httpx.AsyncClient, method: str) -> None:
    path = "/api/players/attic" + ("/commands" if method == "POST" else "")
    reply = await client.request(method, path, json={"action": "play"})
    assert reply.status_code == 404
    assert reply.json()["detail"] == "this player is in room home, not in attic"


async def test_a_command_is_done_and_answered_with_the_state_after_it(client: httpx.AsyncClient, room: Room) -> None:
    reply = await client.post(f"{HOME}/commands", json={"action": "pause"})
    assert (reply.status_code, reply.json()["playback"]) == (200, "paused")
    await room.until(lambda state: state.playback is Playback.PAUSED)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"action": "volume", "value": 200}, "a volume runs from 0 to 100"),
        ({"action": "volume"}, "volume needs value"),
        ({"action": "pause", "value": 1}, "pause takes no value"),
        ({"action": "explode"}, "'play', 'pause', 'next'"),
        ({"action": "pause", "loudly": True}, "there is no field loudly; there are id, issued_at, action, value"),
    ],
)
async def test_a_wrong_command_is_refused_with_the_reason(
    client: httpx.AsyncClient, body: dict[str, object], why: str
) -> None:
    reply = await client.post(f"{HOME}/commands", json=body)
    assert reply.status_code == 422
    assert why in str(reply.json()["detail"])


async def test_a_command_that_needs_a_song_is_a_conflict_without_one(client: httpx.AsyncClient) -> None:
    for _ in range(2):
        await client.post(f"{HOME}/commands", json={"action": "next"})
    reply = await client.post(f"{HOME}/commands", json={"action": "like"})
    assert (reply.status_code, reply.json()["detail"]) == (409, "there is no song to like")


async def test_a_command_that_is_sent_again_is_done_once(client: httpx.AsyncClient, tracks: list[Track]) -> None:
    body = {"action": "next", "id": str(uuid7())}
    for _ in range(2):
        reply = await client.post(f"{HOME}/commands", json=body)
        assert reply.status_code == 200
        assert reply.json()["current"]["track"]["song_id"] == tracks[1].song_id


async def test_songs_that_are_sent_again_are_queued_once(client: httpx.AsyncClient, tracks: list[Track]) -> None:
    body = PlayRequest(decision_id=uuid7(), tracks=(tracks[2],)).model_dump(mode="json")
    for _ in range(2):
        reply = await client.post(f"{HOME}/play", json=body)
        assert [queued["track"]["song_id"] for queued in reply.json()["queue"]] == [2, 3]


async def test_an_old_command_for_its_moment_is_refused_with_the_reason(client: httpx.AsyncClient) -> None:
    body = {"action": "next", "issued_at": "2020-01-01T00:00:00Z"}
    reply = await client.post(f"{HOME}/commands", json=body)
    assert reply.status_code == 409
    assert "s old and meant for its moment" in reply.json()["detail"]
    reply = await client.post(f"{HOME}/commands", json={**body, "action": "pause"})
    assert (reply.status_code, reply.json()["playback"]) == (200, "paused")


async def test_a_refused_command_can_be_sent_again(client: httpx.AsyncClient, room: Room, tracks: list[Track]) -> None:
    for _ in range(2):
        await client.post(f"{HOME}/commands", json={"action": "next"})
    body = {"action": "like", "id": str(uuid7())}
    assert (await client.post(f"{HOME}/commands", json=body)).status_code == 409
    room.play(tracks[2])
    await room.plays(tracks[2])
    assert (await client.post(f"{HOME}/commands", json=body)).status_code == 200


async def test_songs_played_by_hand_are_told_as_such(
    client: httpx.AsyncClient, room: Room, tracks: list[Track]
) -> None:
    body = {"decision_id": str(uuid7()), "tracks": [tracks[2].model_dump(mode="json")], "how": "replace"}
    reply = await client.post(f"{HOME}/play", json=body)
    assert reply.json()["current"]["track"]["song_id"] == 3
    event = await room.event(EventType.MANUAL_PLAY)
    assert event.after
    assert event.after["play_id"] == reply.json()["current"]["play_id"]


async def test_a_player_that_does_not_run_yet_says_so(tmp_path: Path) -> None:
    service = build(settings(tmp_path))
    app = FastAPI()
    app.include_router(service.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get(HOME)).json()["playback"] == "stopped"
        reply = await client.post(f"{HOME}/commands", json={"action": "play"})
    assert reply.status_code == 503
    assert "starting" in reply.json()["detail"]


@pytest.mark.parametrize("song", [1, 2], ids=["current", "queued"])
async def test_the_sound_of_a_song_is_served(client: httpx.AsyncClient, tmp_path: Path, song: int) -> None:
    reply = await client.get(f"/media/{song}")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "audio/wav")
    assert reply.content == next((tmp_path / "songs").glob(f"song {song}*")).read_bytes()


async def test_the_sound_of_a_song_played_lately_is_served(client: httpx.AsyncClient) -> None:
    await client.post(f"{HOME}/commands", json={"action": "next"})
    assert (await client.get("/media/1")).status_code == 200


async def test_parts_of_a_song_are_served_by_ranges(client: httpx.AsyncClient) -> None:
    whole = (await client.get("/media/1")).content
    part = await client.get("/media/1", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"


async def test_a_range_beyond_the_end_is_refused(client: httpx.AsyncClient) -> None:
    reply = await client.get("/media/1", headers={"Range": "bytes=99999999-"})
    assert reply.status_code == 416


async def test_a_song_that_nobody_queued_is_not_served(client: httpx.AsyncClient) -> None:
    reply = await client.get("/media/3")
    assert (reply.status_code, reply.json()["detail"]) == (
        404,
        "song 3 is not in the queue of room home nor was it played lately",
    )


async def test_a_file_outside_the_music_folders_is_not_served(
    client: httpx.AsyncClient, room: Room, tmp_path: Path
) -> None:
    secret = write_song(tmp_path / "elsewhere", 8, 1)
    room.play(secret)
    await room.until(lambda state: secret in [queued.track for queued in state.queue])
    reply = await client.get("/media/8")
    assert reply.status_code == 404
    assert "outside the music folder" in reply.json()["detail"]


async def test_the_page_module_is_served_as_javascript(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/players/browser.js")
    assert reply.headers["content-type"].startswith("text/javascript")
    assert "export function startPlayer" in reply.text


async def test_a_tab_is_told_what_to_play_and_what_comes_next(client: httpx.AsyncClient, room: Room) -> None:
    tab = {"tab": str(uuid4())}
    await client.post(f"{HOME}/browser", json=tab)
    await room.until(lambda state: state.backend == "browser")
    order = (await client.post(f"{HOME}/browser", json=tab)).json()
    assert (order["active"], order["preload"]) == (True, "/media/2")


@pytest.mark.parametrize(("method", "path"), [("POST", "/closed"), ("DELETE", "")])
async def test_a_page_can_say_that_it_closes(client: httpx.AsyncClient, method: str, path: str) -> None:
    tab = uuid4()
    await client.post(f"{HOME}/browser", json={"tab": str(tab)})
    assert (await client.request(method, f"{HOME}/browser/{tab}{path}")).status_code == 204


@pytest.mark.parametrize("report", [{}, {"tab": "me"}, {"tab": str(uuid4()), "position_s": -1}])
async def test_a_wrong_report_is_refused(client: httpx.AsyncClient, report: dict[str, object]) -> None:
    assert (await client.post(f"{HOME}/browser", json=report)).status_code == 422
