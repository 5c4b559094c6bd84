"""Real servers from Debian's packages, each on a free port of loopback."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

START_S = 20.0


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when something listens on the port; fail when the process ends before."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it listened on {port}")
        time.sleep(0.02)
    raise TimeoutError(f"{process.args!r} does not listen on {port} after {START_S} s")


class Server:
    """A program that listens on a free port; it can be stopped and started again.

    Args:
        command: What to run, program first; the program is looked for where Debian puts it.
        port: Where it will listen.
    """

    def __init__(self, command: list[str], port: int) -> None:
        self.port = port
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        name, *arguments = self._command
        program = shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        assert program, f"{name} is not installed: run `make test-packages`"
        self._process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self._process)

    def stop(self) -> None:
        """End it, and with it every connection."""
        if self._process:
            self._process.terminate()
            self._process.wait(START_S)
            self._process = None

    def signal(self, number: int) -> None:
        """Send it a signal, such as SIGSTOP to have it stand still."""
        assert self._process
        self._process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Rtsp(Server):
    """A network camera by GStreamer's RTSP server, which needs the system's Python; its pictures need the password."""

    def __init__(self) -> None:
        port = free_port()
        super().__init__(["python3", str(Path(__file__).parent / "rtsp_server.py"), str(port)], port)
        self.url = f"rtsp://viewer:s3cret@127.0.0.1:{port}/test"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it send nothing meanwhile, and keep its connections, as a camera that hangs."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


class Mosquitto(Server):
    """A Mosquitto; it forgets everything between two starts."""

    def __init__(self, folder: Path, extra: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        port, config = free_port(), folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n{extra}")
        super().__init__(["mosquitto", "-c", str(config)], port)
        self.url = f"mqtt://127.0.0.1:{port}"
