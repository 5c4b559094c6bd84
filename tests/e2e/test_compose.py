"""The home server: `docker compose up` for real, and its main job (needs a Docker engine; minutes)."""

import json
import threading
import time
import urllib.request

import pytest

from services.contracts.channels import MOOD, PLAYER, PLAYER_SET
from services.contracts.messages import EventType, Mood, uuid7
from tests.compose import LONG_RUNNING, NEEDS_ENGINE, ROOM, Stack, clear
from tests.home_automation import Hand
from tests.product import playing

pytestmark = NEEDS_ENGINE


def test_an_outside_subscriber_sees_the_mood(hand: Hand) -> None:
    mood = MOOD.decode(hand.until(f"moodring/{ROOM}/mood", lambda payload: clear(json.loads(payload))))
    assert isinstance(mood, Mood)
    assert mood.source == "camera"
    assert mood.people == 1


def test_the_song_plays_on_mpd_and_moves_on(stack: Stack) -> None:
    state = stack.wait_for(f"/api/players/{ROOM}", playing)
    assert state["backend"] == "mpd"
    first = stack.mpd()
    assert first["state"] == "play"
    assert first["file"].endswith(".wav")
    deadline = time.monotonic() + 20
    while (now := stack.mpd())["file"] == first["file"] and float(now["elapsed"]) <= float(first["elapsed"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_every_path_reaches_its_owner(stack: Stack) -> None:
    assert stack.get("/api/cameras")[0]["status"]["state"] == "ok"
    assert stack.get(f"/api/rooms/{ROOM}/mood")["mood"]
    assert stack.get("/api/songs?limit=100")["songs"]
    assert stack.get(f"/api/players/{ROOM}")["backend"] == "mpd"
    assert stack.get("/api/rooms")["rooms"][ROOM]
    assert stack.get(f"/api/rooms/{ROOM}/history?resolution=hour") is not None
    with urllib.request.urlopen(f"{stack.url}/auth/sign-in", timeout=20) as page:
        assert "Access token" in page.read().decode()


def test_a_song_is_heard_with_ranges_through_the_door(stack: Stack) -> None:
    state = stack.wait_for(f"/api/players/{ROOM}", playing)
    path = f"{stack.url}/media/{state['current']['track']['song_id']}"
    headers = {"Authorization": f"Bearer {stack.token}", "Range": "bytes=0-43"}
    with urllib.request.urlopen(urllib.request.Request(path, headers=headers), timeout=20) as answer:
        assert (answer.status, answer.read()[:4]) == (206, b"RIFF")


def test_playlists_and_policy_change_over_rest(stack: Stack) -> None:
    songs = [song["id"] for song in stack.get("/api/songs?limit=100")["songs"][:2]]
    made = stack.get("/api/playlists", "POST", {"name": "Rainy", "songs": songs, "mood": "focused"})
    stack.get(f"/api/playlists/{made['id']}", "PATCH", {"name": "Rainy days"})
    stack.get(f"/api/playlists/{made['id']}/songs", "PUT", {"songs": songs[::-1]})
    stack.get(f"/api/rooms/{ROOM}/mood/override", "PUT", {"mood": "focused", "minutes": 5})
    stack.wait_for(
        f"/api/players/{ROOM}", lambda state: state["queue"] and state["queue"][0]["track"]["song_id"] in songs
    )
    stack.get(f"/api/rooms/{ROOM}/mood/override", "DELETE")
    stack.get(f"/api/rooms/{ROOM}/policy", "PUT", {"mode": "lift"})
    stack.wait_for(f"/api/rooms/{ROOM}/policy", lambda policy: policy["mode"] == "lift")


def test_a_command_that_arrives_twice_is_done_once(stack: Stack, hand: Hand) -> None:
    stack.wait_for(f"/api/players/{ROOM}", lambda state: playing(state) and state["queue"])
    before = len(hand.events(EventType.TRACK_SKIPPED))
    identity = str(uuid7())
    for _ in range(2):
        hand.command(PLAYER_SET.topic("moodring", room=ROOM), id=identity, action="next")
    hand.command(PLAYER_SET.topic("moodring", room=ROOM), action="volume", value=41)
    stack.wait_for(f"/api/players/{ROOM}", lambda state: state["volume"] == 41)
    assert len(hand.events(EventType.TRACK_SKIPPED)) == before + 1


RESTARTS = [*((service, "restart") for service in LONG_RUNNING), ("player", "kill"), ("mosquitto", "kill")]


@pytest.mark.parametrize(("number", "service", "how"), [(10 + at, *one) for at, one in enumerate(RESTARTS)])
def test_a_restart_loses_no_acknowledged_command(stack: Stack, hand: Hand, number: int, service: str, how: str) -> None:
    commands = PLAYER_SET.topic("moodring", room=ROOM)
    stack.wait_for(f"/api/players/{ROOM}", lambda state: playing(state) and state["queue"])
    mode = ("mirror", "lift")[number % 2]
    again = ["restart", "--timeout", "10", service]
    if how == "kill":
        stack.run("kill", "--signal", "KILL", service)
        again = ["start", service]
    skipped = len(hand.events(EventType.TRACK_SKIPPED))
    restart = threading.Thread(target=stack.run, args=again)
    restart.start()
    hand.command(f"moodring/{ROOM}/policy/set", mode=mode)
    hand.command(commands, action="volume", value=number)
    hand.command(commands, action="next")
    restart.join()
    hand.command(commands, action="volume", value=number + 50)
    stack.up()
    hand.until(f"moodring/{ROOM}/player", lambda payload: PLAYER.decode(payload).volume == number + 50)
    assert len(hand.events(EventType.TRACK_SKIPPED)) == skipped + 1
    stack.wait_for(f"/api/players/{ROOM}", lambda state: state["volume"] == number + 50)
    stack.wait_for(f"/api/rooms/{ROOM}/policy", lambda policy: policy["mode"] == mode)
    stack.wait_for(f"/api/rooms/{ROOM}/mood", clear)
    stack.music_moves_on()
    volumes = [PLAYER.decode(payload).volume for topic, payload in hand.heard if topic == f"moodring/{ROOM}/player"]
    assert volumes.count(number) == 0 or volumes.index(number) < len(volumes) - 1, "an old volume came after a new one"
