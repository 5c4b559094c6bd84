"""The stack of docker-compose.yml as users start it, on ports and volumes of its own."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.product import Door
from tests.servers import free_port

ROOT = Path(__file__).parents[1]
PORTS = ("PORT", "HTTPS_PORT", "MQTT_PORT", "MQTTS_PORT", "PROMETHEUS_PORT")
"""What is published, by the end of its variable's name."""


LONG_RUNNING = (
    *("mosquitto", "postgres", "model-server", "camera", "inference", "aggregator", "recommender", "player", "mpd"),
    *("gateway", "caddy"),
)
ROOM = "home"
SERVER = "server.lan"
"""The stack's name in its network, which no test looks up."""
ADDRESS = "192.0.2.7"
"""Its address there, which nobody has (RFC 5737)."""

Done = subprocess.CompletedProcess[bytes]


def engine_there() -> bool:
    """Whether a Docker engine and Compose 2.24 or newer can be used here."""
    if shutil.which("docker") is None:
        return False
    checks = (["docker", "info"], ["docker", "compose", "version"])
    return all(subprocess.run(check, capture_output=True, check=False).returncode == 0 for check in checks)


def public() -> bool:
    """Whether the public images are to be taken, instead of the stand-ins for machines without a registry."""
    return os.environ.get("MOODRING_TEST_IMAGES") == "public"


NEEDS_ENGINE = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not engine_there(), reason="needs a Docker engine with Compose 2.24 or newer"),
]


def clear(mood: Any) -> bool:
    """Whether a mood is one that somebody's face shows."""
    return mood["mood"] not in ("unknown", "nobody")


class Stack(Door):
    """One stack; as a context it is built, started, and removed with its volumes.

    Args:
        name: The project's name.
        folder: For its `.env` and the user's own secrets.
        **variables: Lines of `.env` without their prefix.
    """

    def __init__(self, name: str, folder: Path, **variables: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self.env_file = folder / "env"
        self.ports = {name: free_port() for name in PORTS}
        self.url = f"http://127.0.0.1:{self.ports['PORT']}"
        ours = {f"HOST_{name}": str(port) for name, port in self.ports.items()}
        ours |= {"HOST_SECRETS": str(self.secrets), "HOST_ENV_FILE": str(self.env_file)}
        self.set(**ours, **variables)
        files = ["docker-compose.yml", *([] if public() else ["compose.offline.yml"])]
        self._command = ["docker", "compose", "--project-name", name, "--env-file", str(self.env_file)]
        self._command += [part for file in files for part in ("--file", str(ROOT / file))]
        # Variables of the shell would win over those of the file.
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("MOODRING_")}

    def set(self, **variables: str) -> None:
        """Write the lines of `.env`."""
        self.env_file.write_text("".join(f"MOODRING_{key}={value}\n" for key, value in variables.items()))

    def run(
        self, *arguments: str, stdin: bytes | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `docker compose` with arguments.

        Raises:
            AssertionError: It failed, and `check` is set.
        """
        done = subprocess.run(
            [*self._command, *arguments], env=self._environment, input=stdin, capture_output=True, check=False
        )
        assert done.returncode == 0 or not check, f"{arguments}: {done.stderr.decode()[-3000:]}"
        return done

    def inside(self, service: str, *command: str, check: bool = True) -> str:
        """Return what a command prints in a service's container."""
        return self.run("exec", "-T", service, *command, check=check).stdout.decode().strip()

    def up(self) -> None:
        """Start everything and wait until it is healthy."""
        done = self.run("--profile", "metrics", "up", "-d", "--wait", *self._but("grafana"), check=False)
        assert done.returncode == 0, f"{done.stderr.decode()[-2000:]}\n{self.story()}"

    def down(self, *, volumes: bool = False) -> None:
        """Stop and remove everything, the volumes only where asked."""
        self.run("--profile", "*", "down", "--timeout", "20", *(["--volumes"] if volumes else []))

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what the engine knows of each container, by service."""
        ids = self.run("--profile", "*", "ps", "--all", "--quiet").stdout.decode().split()
        known = subprocess.run(["docker", "inspect", *ids], capture_output=True, check=True).stdout
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in json.loads(known)}

    def mpd(self) -> dict[str, str]:
        """Return MPD's status."""
        talk = "exec 3<>/dev/tcp/127.0.0.1/6600 && printf 'status\\ncurrentsong\\nclose\\n' >&3 && cat <&3"
        lines = self.inside("mpd", "bash", "-c", talk).splitlines()
        return dict(line.split(": ", 1) for line in lines if ": " in line)

    def home_automation(self) -> str:
        """Return the address of the broker for home automation."""
        password = self.inside("mosquitto", "cat", "/mosquitto/data/home_automation")
        return f"mqtt://home_automation:{password}@127.0.0.1:{self.ports['MQTT_PORT']}"

    def story(self) -> str:
        """Return the end of every log."""
        return self.run("--profile", "*", "logs", "--no-color", "--tail", "15", check=False).stdout.decode()[-12000:]

    def __enter__(self) -> Self:
        if not public():
            subprocess.run([ROOT / "infra" / "offline" / "build-images"], check=True)
        self.run("build")
        self.up()
        self.token = self.inside("gateway", "moodring", "token", "test")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down(volumes=True)
        ours = ["docker", "images", "--filter", f"reference={self.name}-*", "--format", "{{.Repository}}"]
        names = subprocess.run(ours, capture_output=True, check=True, text=True).stdout.split()
        subprocess.run(["docker", "rmi", *names], capture_output=True, check=True)

    def _but(self, *left_out: str) -> list[str]:
        """Return all services that run on but some: Grafana is in no package, so the twin has none."""
        if public():
            return []
        services = self.run("--profile", "metrics", "config", "--services").stdout.decode().split()
        return [service for service in services if service not in left_out]
