"""The product as users start it: processes of `python -m services run` on free ports, each test with its own data."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

START_S = 90.0
"""Far beyond what a start takes (the bench measures that), for machines that are busy."""


def playing(state: Any) -> bool:
    """Whether a player's state says that a song plays."""
    return bool(state["playback"] == "playing" and state["current"])


class Door:
    """What answers over REST: one address, and the token that opens it where one is needed."""

    url = ""
    token = ""

    def story(self) -> str:
        """Return what was said lately, for a test that fails."""
        return ""

    def get(self, path: str, method: str = "GET", body: Any = None, token: str = "") -> Any:
        """Return what a path answers as JSON (`None` for nothing).

        Raises:
            urllib.error.HTTPError: The answer is an error.
        """
        data = None if body is None else json.dumps(body).encode()
        token = token or self.token
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def wait_for(self, path: str, wanted: Callable[[Any], Any], patience_s: float = 90) -> Any:
        """Return the first answer of a path that is as wanted."""
        deadline = time.monotonic() + patience_s
        answer: Any = None
        while time.monotonic() < deadline:
            try:
                answer = self.get(path)
                if wanted(answer):
                    return answer
            except (urllib.error.URLError, ConnectionError) as error:
                answer = error
            time.sleep(0.1)
        raise AssertionError(f"{path} still says {answer!r}\n" + self.story())

    def music_moves_on(self, room: str = "home") -> None:
        """Return when the song that plays now has gone further, or the next one has begun."""
        path = f"/api/players/{room}"
        first = self.wait_for(path, playing)

        def further(state: Any) -> bool:
            same = playing(state) and state["current"]["play_id"] == first["current"]["play_id"]
            return state["position_s"] > first["position_s"] if same else playing(state)

        self.wait_for(path, further)


class Product(Door):
    """One process; as a context it is started, waited for, and stopped as Ctrl-C does.

    Args:
        data: Its data folder.
        services: Which services; all without a name.
        settings: Settings as environment variables without their prefix, such as `CAMERA_SOURCE="demo"`.
    """

    def __init__(self, data: Path, *services: str, **settings: str) -> None:
        self.data = data
        self.lines: list[str] = []
        """What it printed and logged."""
        self._services = services
        ours = {"DATA": str(data), "HTTP_PORT": "0", "PLAYER_BACKEND": "null:"} | settings
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
        self.environment = clean | {f"MOODRING_{name}": value for name, value in ours.items()}
        self.process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()

    def start(self) -> None:
        """Start the process and return when it says that it is ready.

        Raises:
            RuntimeError: It ended, or said nothing for `START_S`.
        """
        self._ready.clear()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services", "run", *self._services],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        deadline = time.monotonic() + START_S
        while not self._ready.wait(0.1):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"not ready (exit code {self.process.poll()}):\n" + "\n".join(self.lines))

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the process and return its exit code."""
        assert self.process
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(START_S)
        assert self.process.stdout
        self.process.stdout.close() if number is signal.SIGKILL else None
        return code

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the process answer nothing meanwhile, as one that is very busy."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def story(self) -> str:
        """Return the last lines it printed."""
        return "\n".join(self.lines[-40:])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(r"ready: http://\S+:(\d+)", line):
                self.url = f"http://127.0.0.1:{found[1]}"
                self._ready.set()
