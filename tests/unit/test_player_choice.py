"""From the setting to the backends."""

import pytest

from services.player.backends.browser import BrowserBackend
from services.player.choice import choose
from services.runtime.service import SetupError
from services.runtime.settings import load


def chosen(backend: str) -> list[str]:
    settings = load(player={"backend": backend})
    tabs = BrowserBackend(lambda: 0.0)
    return [one.name for one in choose(settings, lambda: 0.0, tabs, mpv_installed=False)]


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("auto", ["browser", "null"]),
        ("mpd://music", ["mpd"]),
        ("browser:,mpd://music:6601", ["browser", "mpd"]),
        ("browser: , null:", ["browser", "null"]),
    ],
)
def test_backends_are_tried_in_the_order_they_are_named(setting: str, names: list[str]) -> None:
    assert chosen(setting) == names


@pytest.mark.parametrize(("setting", "said"), [("null:,null:", "twice"), ("browser:,", "is none of"), ("cd:", "cd:")])
def test_a_list_that_makes_no_sense_is_refused(setting: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        chosen(setting)
