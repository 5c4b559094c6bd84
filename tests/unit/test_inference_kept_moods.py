"""The file of taught moods: several processes of the service share it, and it may become unreadable."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from services.contracts.messages import CustomMoods
from services.contracts.moods import MAX_CUSTOM_MOODS, Point
from services.inference import kept_moods
from services.inference.custom_moods import NoSuchMoodError, Reader, readers, renamed
from services.inference.kept_moods import KeptMoods
from services.inference.predictor import Origin
from services.inference.state import TaughtMood, TaughtMoods
from services.runtime.state import StateFile
from tests.unit.test_inference_classroom import House, house
from tests.unit.test_inference_custom_moods import lesson, taught


async def test_what_another_process_writes_while_heads_are_fitted_is_taken_up_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, heard = tmp_path / "inference.json", list[CustomMoods]()
    kept = KeptMoods(path, heard.append)
    StateFile(path, TaughtMoods).save(TaughtMoods(moods=taught(lesson("focused"))))
    writes = iter([TaughtMoods()])

    def fitting(moods: Sequence[TaughtMood], before: Sequence[Reader]) -> list[Reader]:
        if written := next(writes, None):
            StateFile(path, TaughtMoods).save(written)
        return readers(moods, before)

    monkeypatch.setattr(kept_moods, "readers", fitting)
    await kept.refresh()
    assert [one.mood for one in kept.moods] == ["focused"]
    await kept.refresh()
    assert kept.moods == []
    assert [len(told.moods) for told in heard] == [1, 0]


async def test_what_changes_no_face_has_no_head_made_again(tmp_path: Path) -> None:
    kept = KeptMoods(tmp_path / "inference.json", list[CustomMoods]().append)
    await kept.change(lambda _: taught(lesson("focused"), lesson("bored", room="kitchen", shift=-8)))
    focused, bored = kept.readers
    await kept.change(lambda moods: renamed(moods, "focused", to="deep_work", place=Point(0.1, 0.2)))
    first, second = kept.readers
    assert (first.kept.mood, first.kept.valence, first.head is focused.head) == ("deep_work", 0.1, True)
    assert second.head is bored.head
    await kept.change(lambda moods: tuple(moods[:1]))
    assert [one.head is focused.head for one in kept.readers] == [True]


async def test_a_file_that_cannot_be_read_is_said_and_what_is_known_is_read_on(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        file = tmp_path / "state" / "inference.json"
        file.unlink()
        file.mkdir()
        await _watched(home)
        assert "inference.json cannot be read" in home.run.service.health.problems["state"]
        assert {row.label for row in (await home.show(1, 200)).faces[0].taught} == {"focused"}
        file.rmdir()
        await _watched(home)
        assert home.run.service.health.problems == {}


async def test_a_disk_that_fails_is_said_and_faces_are_read_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with house(tmp_path) as home:
        with monkeypatch.context() as patch:
            patch.setattr(StateFile, "stamp", property(Mock(side_effect=OSError(5, "Input/output error"))))
            await _watched(home)
            assert "Input/output error" in home.run.service.health.problems["state"]
            assert len((await home.show(1, 200)).faces) == 1
        await _watched(home)
        assert home.run.service.health.problems == {}


async def test_a_file_that_cannot_be_read_at_the_start_is_said_too(tmp_path: Path) -> None:
    (tmp_path / "state/inference.json").mkdir(parents=True)
    async with house(tmp_path) as home:
        assert "inference.json cannot be read" in home.run.service.health.problems["state"]
        assert len((await home.show(1, 200)).faces) == 1


async def test_what_a_damaged_file_holds_is_said_and_deleted_with_the_mood_that_is_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with house(tmp_path) as home:
        await home.teach()
        (state / "inference.json").write_bytes((state / "inference.json").read_bytes()[:-20])
        await _watched(home)
        assert "inference.broken; forget them" in home.run.service.health.problems["state"]
        assert home.run.service.health.ready, "faces are read"
        assert (await home.refused("DELETE", "/focussed"))[0] == 404
        assert (state / "inference.broken").exists(), "another name deletes nothing"
        assert (await home.ask("DELETE", "/focused"))["moods"] == []
        assert not any(b"shown" in path.read_bytes() for path in state.iterdir() if path.is_file())
        await _watched(home)
        assert home.run.service.health.problems == {}
        status, _ = await home.refused("DELETE", "/focused")
        assert status == 404


async def test_one_damaged_mood_costs_no_other(tmp_path: Path) -> None:
    path = tmp_path / "inference.json"
    aside = path.with_suffix(".broken")
    kept = KeptMoods(path, list[CustomMoods]().append)
    bored, tired = (lesson(name, room=name) for name in ("bored", "tired"))
    await kept.change(lambda _: taught(lesson("focused"), bored, tired))
    content = json.loads(path.read_text())
    for wrong in content["moods"][1:]:
        wrong["shown"] = wrong["shown"][:-8]
    content["moods"] += [{"mood": None}, "junk"]
    path.write_text(json.dumps(content))
    await kept.refresh()
    assert "taught moods (bored, tired) were damaged" in kept.damaged
    assert ([one.mood for one in kept.moods], "inference.broken" in kept.damaged) == (["focused"], True)
    await kept.change(lambda moods: renamed(moods, "focused", to="deep_work", place=None))
    assert _names(aside) == ["bored", "tired"], "no faces stay under an old name"
    await kept.forget("deep_work")
    assert (kept.moods, _names(aside)) == ([], ["bored", "tired"])
    with pytest.raises(NoSuchMoodError):
        await kept.forget("focused")
    await kept.change(lambda moods: (*moods, *taught(bored)))
    assert _names(aside) == ["tired"], "what was taught again is damaged no more"
    await kept.forget("tired")
    assert (kept.damaged, [one.mood for one in kept.moods], _names(path)) == ("", ["bored"], ["bored"])


async def test_a_worker_with_a_folder_of_its_own_does_not_make_the_house_forget(tmp_path: Path) -> None:
    path, heard = tmp_path / "state" / "inference.json", list[CustomMoods]()
    kept = KeptMoods(path, heard.append, first=False)
    await kept.refresh()
    kept.serve(Origin("expression", 7))
    assert heard == [], "what was never kept is no news"
    await kept.change(lambda _: taught(lesson("focused")))
    path.unlink()
    await kept.refresh()
    assert [len(told.moods) for told in heard] == [1, 0]


async def test_the_first_worker_says_that_there_are_none(tmp_path: Path) -> None:
    heard = list[CustomMoods]()
    await KeptMoods(tmp_path / "inference.json", heard.append).refresh()
    assert heard == [CustomMoods(moods=())]


async def test_a_file_that_cannot_be_read_is_no_conflict_and_not_named(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        (tmp_path / "state/inference.json").unlink()
        (tmp_path / "state/inference.json").mkdir()
        status, why = await home.refused("PATCH", "/focused", {"mood": "bored"})
    assert (status, "cannot be read; the log says which" in why, str(tmp_path) in why) == (503, True, False)


async def test_of_two_that_find_the_file_damaged_none_sets_aside_what_the_other_wrote(tmp_path: Path) -> None:
    path = tmp_path / "state" / "inference.json"
    kept, other = KeptMoods(path, list[CustomMoods]().append), StateFile(path, TaughtMoods)
    with other.claimed():
        path.write_bytes(b"damaged")
        reading = asyncio.create_task(kept.refresh())
        done, _ = await asyncio.wait({reading}, timeout=0.2)
        assert not done, "it waits until the other is done"
        assert other.load() is None
        other.save(TaughtMoods(moods=taught(lesson("focused"))))
        other.aside.unlink()
    await reading
    assert ([one.mood for one in kept.moods], kept.damaged) == (["focused"], "")


async def test_a_name_that_is_being_taught_is_given_to_no_other_mood(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.teach()
        await home.ask("POST", "/bored/teaching", {"room": "study", "consent": True})
        status, why = await home.refused("PATCH", "/focused", {"mood": "bored"})
    assert (status, why.startswith("bored is being taught at the moment")) == (409, True)


async def test_one_mood_too_many_is_refused_before_it_is_shown(tmp_path: Path) -> None:
    [first] = taught(lesson())
    many = tuple(first.model_copy(update={"mood": f"mood_{i}"}) for i in range(MAX_CUSTOM_MOODS))
    StateFile(tmp_path / "state" / "inference.json", TaughtMoods).save(TaughtMoods(moods=many))
    async with house(tmp_path) as home:
        home.camera()
        await home.run.bus.settle()
        begin = {"room": "study", "consent": True}
        status, why = await home.refused("POST", "/focused/teaching", begin)
        assert (status, "16 moods were taught already" in why) == (422, True)
        assert (await home.ask("POST", "/mood_1/teaching", begin))["teaching"]["mood"] == "mood_1"


def _names(file: Path) -> list[str]:
    return [one["mood"] for one in json.loads(file.read_text())["moods"]]


async def _watched(home: House) -> None:
    """Have the service look after its surroundings once."""
    home.run.naps.ended.release()
    await home.run.naps.started.get()
