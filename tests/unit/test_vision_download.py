"""Fetching YuNet's file: two places, no trust, no half files."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from services.vision import download
from services.vision.detectors import YUNET_FILES
from services.vision.download import FILE, PLACES, TRIES, DownloadError, fetch_yunet


@pytest.fixture
def genuine(shared_data: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The bytes of a file that is accepted (the later one; its hash is as good)."""
    return shared_data("yunet/face_detection_yunet_2026may.onnx").read_bytes()


class Web:
    """Answers by host, and remembers who was asked."""

    def __init__(self, **answers: bytes | int | Exception) -> None:
        self.asked: list[str] = []
        self._answers = answers
        self.client = httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        answer = self._answers["hub" if request.url.host == "huggingface.co" else "git"]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else httpx.Response(200, content=answer)


def test_the_file_lies_in_the_folder_under_its_name(tmp_path: Path, genuine: bytes) -> None:
    file = fetch_yunet(tmp_path / "models", client=Web(git=genuine).client)
    assert file == tmp_path / "models" / FILE
    assert file.read_bytes() == genuine


def test_the_mirror_is_asked_where_the_first_place_fails(tmp_path: Path, genuine: bytes) -> None:
    web = Web(git=httpx.ConnectError("no route"), hub=genuine)
    assert fetch_yunet(tmp_path, client=web.client).read_bytes() == genuine
    assert web.asked == [httpx.URL(place).host for place in PLACES]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"<html>please sign in</html>", "another file"), (503, "503"), (httpx.ConnectTimeout("timed out"), "timed out")],
)
def test_failure_is_one_clear_line_and_leaves_nothing(
    tmp_path: Path, answer: bytes | int | Exception, reason: str
) -> None:
    web = Web(git=answer, hub=answer)
    with pytest.raises(DownloadError, match=reason) as caught:
        fetch_yunet(tmp_path, client=web.client)
    assert "Haar" in str(caught.value)
    assert len(web.asked) == len(PLACES) * TRIES
    assert list(tmp_path.iterdir()) == []


def test_an_endless_answer_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "MAX_BYTES", 1000)
    with pytest.raises(DownloadError, match="another file"):
        fetch_yunet(tmp_path, client=Web(git=bytes(10_000), hub=bytes(10_000)).client)


def test_a_file_that_is_there_is_not_fetched_again(tmp_path: Path, genuine: bytes) -> None:
    (tmp_path / FILE).write_bytes(genuine)
    web = Web()
    assert fetch_yunet(tmp_path, client=web.client) == tmp_path / FILE
    assert web.asked == []


def test_a_damaged_file_is_replaced(tmp_path: Path, genuine: bytes) -> None:
    (tmp_path / FILE).write_bytes(genuine[:1000])
    assert fetch_yunet(tmp_path, client=Web(git=genuine).client).read_bytes() == genuine


def test_the_known_hashes_are_those_of_sha256() -> None:
    assert all(len(bytes.fromhex(digest)) == 32 for digest in YUNET_FILES.values())
