"""Signing in with a token in a browser: the page, its cookie, and a brake on guessing."""

from collections import deque
from html import escape
from threading import Lock

from services.runtime.access import AUTH_PATH
from services.runtime.open_paths import SIGN_IN_PATH

SIGN_OUT_PATH = "/auth/sign-out"

MAX_FAILURES = 10
WINDOW_S = 60.0
MAX_CLIENTS = 1000
"""Clients remembered; beyond, the one that has not tried for longest is forgotten."""


class Failures:
    """Counts failed attempts by client: 10 in a minute are enough for a person who mistypes.

    An attempt counts from its beginning: many at once are no more than one after the other. Any thread may call.
    """

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}
        self._lock = Lock()

    def attempt(self, client: str, now: float) -> float:
        """Count an attempt at `now` (seconds, monotonic) as failed, until it is taken back.

        Returns:
            The seconds until the client may try; 0 where it may now. One that may not is not counted.
        """
        with self._lock:
            times = self._times.pop(client, deque(maxlen=MAX_FAILURES))
            self._times[client] = times
            if len(times) == MAX_FAILURES and times[0] + WINDOW_S > now:
                return times[0] + WINDOW_S - now
            times.append(now)
            if len(self._times) > MAX_CLIENTS:
                del self._times[next(iter(self._times))]
            return 0.0

    def take_back(self, client: str, at: float) -> None:
        """Count an attempt no longer: it did not fail."""
        with self._lock:
            if at in self._times.get(client, ()):
                self._times[client].remove(at)


def local_path(path: str) -> str:
    """Return where to go after signing in: a path on this site, or `/` for anything that could lead elsewhere."""
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe and not path.startswith(AUTH_PATH) else "/"


def sign_in_page(then: str, problem: str = "", *, make: str = "moodring token", tokens: bool = True) -> str:
    """Return the page that asks for a token; it works without scripts and loads nothing.

    Args:
        then: The path to go to afterwards.
        problem: What was wrong with the last attempt.
        make: What makes a token where it is typed on the machine that runs Moodring.
        tokens: Whether there are any.
    """
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _PAGE.format(
        action=SIGN_IN_PATH,
        then=escape(local_path(then)),
        alert=alert,
        style=_STYLE,
        about=(_ABOUT if tokens else _NO_TOKENS).format(make=escape(make)),
    )


_ABOUT = (
    "Sign in with an access token. A token is shown once, when it is made; without one at hand, make another: type "
    "<code>{make}</code> in Moodring's folder on the machine that runs it."
)
_NO_TOKENS = (
    "There is no access token yet. To make one, type <code>{make}</code> in Moodring's folder on the machine that "
    "runs it."
)

_STYLE = """
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #0e0f13; color: #eceef4;
  font: 16px/1.5 Roboto, system-ui, sans-serif; }
main { width: min(22rem, 100vw - 3rem); }
h1 { font-size: 1.75rem; font-weight: 500; margin: 0 0 .25rem; }
p { color: #a5a9b8; margin: 0 0 1.5rem; }
p[role=alert] { color: #ffb4a8; margin: 0 0 1rem; }
label { display: block; font-size: .875rem; margin-bottom: .375rem; }
input, button { box-sizing: border-box; width: 100%; height: 3rem; border-radius: .75rem; font: inherit; }
input { background: #191b22; border: 1px solid #363a47; color: inherit; padding: 0 1rem; }
button { margin-top: 1rem; border: 0; background: #b9a6ff; color: #14101f; font-weight: 500; cursor: pointer; }
:focus-visible { outline: 2px solid #b9a6ff; outline-offset: 2px; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · Moodring</title><style>{style}</style>
</head>
<body><main>
<h1>Moodring</h1>
<p>{about}</p>
{alert}
<form method="post" action="{action}">
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus maxlength="200">
<input type="hidden" name="then" value="{then}">
<button type="submit">Sign in</button>
</form>
</main></body>
</html>
"""
