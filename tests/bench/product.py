"""The product as its user starts it, in a process of its own, and an outsider who listens to its bus."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from services.contracts.channels import EXPRESSIONS
from services.contracts.moodring_pb2 import Expressions
from services.embedded.broker import PORT

ROOT = Path(__file__).parents[2]
START_S = 120
STOP_S = 20


class BenchError(Exception):
    """A measurement that could not be made; the text says why."""


@dataclass(frozen=True)
class Arrival:
    """Expressions, and when they were received (seconds since the epoch)."""

    at: float
    message: Expressions

    @property
    def age_ms(self) -> float:
        """Time since the frame was captured."""
        captured = self.message.captured_at
        return (self.at - captured.seconds - captured.nanos / 1e9) * 1000


class Listener:
    """Everything said on the channel of expressions."""

    def __init__(self, host: str, port: int) -> None:
        self.arrivals: list[Arrival] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="moodring-bench")
        self._client.on_socket_open = _without_delay
        self._client.on_connect = lambda client, *_: client.subscribe(EXPRESSIONS.topic("moodring"))
        self._client.on_message = self._received
        self._client.connect(host, port)
        self._client.loop_start()

    def _received(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.arrivals.append(Arrival(time.time(), EXPRESSIONS.decode(bytes(message.payload))))

    def during(self, seconds: float) -> list[Arrival]:
        """Return what arrives within the next seconds."""
        before = len(self.arrivals)
        time.sleep(seconds)
        return self.arrivals[before:]

    def wait_first(self, seconds: float) -> None:
        """Return when anything has arrived.

        Raises:
            BenchError: Nothing did.
        """
        end = time.monotonic() + seconds
        while not self.arrivals:
            if time.monotonic() > end:
                raise BenchError(f"no expressions arrived within {seconds:g} s; does the clip show a face?")
            time.sleep(0.05)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


@dataclass(frozen=True)
class Load:
    """What a process took over a while.

    Attributes:
        cpu_percent: Of one core.
        resident_mb: Highest resident memory seen.
    """

    cpu_percent: float
    resident_mb: float


@dataclass(frozen=True)
class Product:
    """A running product."""

    process: psutil.Process
    listener: Listener
    address: str
    start_s: float


def _without_delay(_client: mqtt.Client, _data: object, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def load_of(process: psutil.Process, seconds: float) -> Load:
    """Watch a process and its children."""
    began, before, resident = time.monotonic(), _cpu_s(process), 0.0
    while (left := began + seconds - time.monotonic()) > 0:
        resident = max(resident, sum(one.memory_info().rss for one in _family(process)) / 1e6)
        time.sleep(min(0.5, left))
    return Load(100 * (_cpu_s(process) - before) / (time.monotonic() - began), resident)


@contextmanager
def product(data: Path, **settings: str) -> Iterator[Product]:
    """Run the product.

    Args:
        data: Its data directory.
        **settings: Further settings, such as `camera_source="clip.mkv"`.

    Raises:
        BenchError: It does not start.
    """
    wanted = {"data": str(data), "http_port": "0", "player_backend": "null:", "logs_level": "warning"} | settings
    ours = ("MOODRING_", "PYTHON")  # PYTHONDONTWRITEBYTECODE, say, costs seconds and megabytes at every start
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment |= {f"MOODRING_{name.upper()}": value for name, value in wanted.items()}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "services", "run"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        lines = _until_ready(process)
        bus = re.search(r"message bus is at mqtt://([^:/]+):(\d+)", lines)
        listener = Listener(bus[1], int(bus[2])) if bus else Listener("127.0.0.1", PORT)
        address = lines.rpartition("ready: ")[2].split()[0]
        yield Product(psutil.Process(process.pid), listener, address, time.monotonic() - began)
        listener.close()
    finally:
        _stop(process)


def _until_ready(process: subprocess.Popen[str]) -> str:
    lines: queue.Queue[str] = queue.Queue()
    stream = process.stdout
    assert stream is not None

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put("")

    threading.Thread(target=read, daemon=True).start()
    said = ""
    while "ready: " not in said:
        try:
            line = lines.get(timeout=START_S)
        except queue.Empty:
            line = ""
        if not line:
            raise BenchError(f"the product did not get ready; it said: {said.strip() or 'nothing'}")
        said += line
    return said


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu_s(process: psutil.Process) -> float:
    return sum(one.cpu_times().user + one.cpu_times().system for one in _family(process))
