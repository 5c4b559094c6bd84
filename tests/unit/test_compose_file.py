"""docker-compose.yml keeps its promises on paper: who reaches whom, who may do what, and which variables there are."""

import json
import os
import re
from pathlib import Path
from subprocess import run
from typing import Any

import pytest
import yaml

from services.gateway.upstream import OWNERS, owner
from services.runtime.connection_settings import HOST_VARIABLES
from services.runtime.settings import keys, variable
from tests.compose import engine_there

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONCE = {"first-start", "demo-songs", "migrate", "upkeep"}
SETTINGS = {variable(key) for key in keys()}


def test_every_variable_is_a_setting_or_one_about_the_machine() -> None:
    used = set(re.findall(r"MOODRING_[A-Z_]+", TEXT))
    assert used <= SETTINGS | HOST_VARIABLES
    assert {name for name in used if name.startswith("MOODRING_HOST_")} == HOST_VARIABLES


def test_every_variable_is_explained() -> None:
    explained = set(re.findall(r"^#(MOODRING_[A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    asked = set(re.findall(r"\$\{(MOODRING_[A-Z_]+)", TEXT))
    assert asked <= explained
    assert explained <= SETTINGS | HOST_VARIABLES


def test_the_shown_values_are_those_that_hold_without_them() -> None:
    defaults = dict(re.findall(r"\$\{(MOODRING_HOST_[A-Z_]+):-([^$}]+)\}", TEXT))
    shown = re.findall(r"^#(MOODRING_HOST_[A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    differ = {name: value for name, value in shown if name in defaults and defaults[name] != value}
    # Shown as what one would set: a device, a way out, a broker.
    assert set(differ) <= {"MOODRING_HOST_CAMERA", "MOODRING_HOST_SOUND", "MOODRING_HOST_CAMERA_ISOLATED",
                           "MOODRING_HOST_ISOLATED", "MOODRING_HOST_MQTTS_PORT", "MOODRING_HOST_BROKER"}  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["user"] == "10001:10001"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["mem_limit"] == service["memswap_limit"]  # without the second, swap would double it
    assert service["logging"]["options"]["max-size"]
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")


@pytest.mark.parametrize(
    "name", ["camera", "inference", "model-server", "aggregator", "recommender", "player", "gateway"]
)
def test_no_service_has_a_way_out(name: str) -> None:
    networks = COMPOSE["networks"]
    for network in SERVICES[name]["networks"]:
        isolated = networks[network]["internal"]
        assert ":-true" in isolated
        # Without these this machine has an address there, and whatever listens on it is reached.
        assert networks[network]["enable_ipv6"] is False
        assert networks[network]["driver_opts"] == {"com.docker.network.bridge.inhibit_ipv4": isolated}
    assert "ports" not in SERVICES[name]


def test_services_share_a_network_with_nobody_but_those_that_all_may_reach() -> None:
    shared = {"mosquitto", "caddy", "gateway", "prometheus"}
    for network, own in {
        "camera": {"camera"}, "inference": {"inference", "model-server"}, "aggregator": {"aggregator"},
        "recommender": {"recommender", "postgres", "migrate", "upkeep"}, "player": {"player", "mpd"}, "gateway": set(),
    }.items():  # fmt: skip
        members = {name for name, service in SERVICES.items() if network in service.get("networks", ())}
        assert members == own | shared, network


def test_what_is_published_is_for_this_machine_but_for_https_and_tls() -> None:
    published = {port for service in SERVICES.values() for port in service.get("ports", ())}
    beyond = {port for port in published if not port.startswith("127.0.0.1:")}
    assert beyond == {"${MOODRING_HOST_HTTPS_PORT:-8443}:8443", "${MOODRING_HOST_MQTTS_PORT:-127.0.0.1:}:8883"}


def ancestors(name: str) -> set[str]:
    """Return what is started before a service."""
    direct = set(SERVICES[name].get("depends_on", {}))
    return direct.union(*(ancestors(other) for other in direct))


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"first-start", "demo-songs"}))
def test_nobody_starts_before_the_secrets_are_there(name: str) -> None:
    wanted = "demo-songs" if name == "mpd" else "first-start"
    assert wanted in ancestors(name)


@pytest.mark.parametrize("name", [name for name in SERVICES if "env_file" in SERVICES[name]])
def test_whoever_is_told_of_the_brokers_authority_has_its_file(name: str) -> None:
    told = SERVICES[name]["environment"]["MOODRING_MQTT_CA_FILE"]
    has = "/etc/moodring/mqtt-ca.crt" in {mount.get("target") for mount in bound(name)}
    assert told == ("${MOODRING_MQTT_CA_FILE:+/etc/moodring/mqtt-ca.crt}" if has else "")


@pytest.mark.parametrize("name", SERVICES)
def test_docker_makes_no_empty_folder_where_a_path_is_wrong(name: str) -> None:
    assert all(mount["bind"] == {"create_host_path": False} for mount in bound(name))
    short = [mount.split(":")[0] for mount in SERVICES[name].get("volumes", ()) if isinstance(mount, str)]
    elsewhere = set(re.findall(r"MOODRING_\w+", " ".join(short)))
    # Music may be a volume too, which the long form cannot say; demo-songs looks whether the folder is there.
    assert elsewhere <= {"MOODRING_MUSIC"}
    assert "demo-songs" in ancestors(name) or not elsewhere


def bound(name: str) -> list[dict[str, Any]]:
    """Return the mounts that are spelled in the long form."""
    return [mount for mount in SERVICES[name].get("volumes", ()) if isinstance(mount, dict)]


def test_whoever_reads_a_file_that_an_update_changes_starts_again_with_it() -> None:
    """Mosquitto's are written by the first start; everybody else's lie in an image of ours, and none in a mount."""
    assert SERVICES["mosquitto"]["depends_on"]["first-start"]["restart"] is True
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", ())]
    assert not [mount for mount in mounts if "infra/" in str(mount)]


def test_no_project_takes_another_ones_images() -> None:
    built = {name for name, service in SERVICES.items() if "build" in service}
    ours = "${COMPOSE_PROJECT_NAME:-moodring}-"
    named = {name for name, service in SERVICES.items() if service["image"].startswith(ours)}
    assert named == built | {"camera", "recommender", "migrate", "upkeep"}
    assert all(SERVICES[name]["pull_policy"] == "never" for name in named - built)


def test_the_offline_twin_swaps_images_and_nothing_else() -> None:
    twin = yaml.safe_load((ROOT / "compose.offline.yml").read_text())
    assert set(twin) == {"x-bases", "services"}
    for name, service in twin["services"].items():
        assert name in SERVICES
        assert set(service) <= {"image", "build"}, name
        assert set(service.get("build", {})) <= {"args"}, name


@pytest.mark.skipif(not engine_there(), reason="needs Docker Compose 2.24 or newer")
def test_compose_accepts_it_without_any_settings() -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    for files in (["docker-compose.yml"], ["docker-compose.yml", "compose.offline.yml"]):
        command = ["docker", "compose", "--env-file", "/dev/null", "--profile", "*"]
        command += [part for file in files for part in ("--file", file)]
        done = run([*command, "config", "--quiet"], cwd=ROOT, env=clean, capture_output=True, check=False, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def configured(env: Path, *lines: str) -> dict[str, Any]:
    """Return the services as Compose has them with lines of `.env`."""
    env.write_text("".join(f"MOODRING_{line}\n" for line in lines))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    command = ["docker", "compose", "--env-file", str(env), "config", "--format", "json"]
    done = run(command, cwd=ROOT, env=clean, capture_output=True, check=True)
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    return services


@pytest.mark.skipif(not engine_there(), reason="needs Docker Compose 2.24 or newer")
def test_over_tls_the_broker_keeps_the_names_that_it_has_on_this_machine(tmp_path: Path) -> None:
    lines = ("HOST_MQTTS_PORT=8883", "HOST_NAME=server.lan", "HOST_ADDRESS=192.168.1.5")
    command = configured(tmp_path / "env", *lines)["first-start"]["command"]
    names = {word.removeprefix("--name=") for word in command if word.startswith("--name=")}
    assert names == {"localhost", "127.0.0.1", "server.lan", "192.168.1.5"}
    without = configured(tmp_path / "env", *lines[1:])["first-start"]["command"]
    assert {word for word in without if word.startswith("--name=")} == {"--name="}


@pytest.mark.skipif(not engine_there(), reason="needs Docker Compose 2.24 or newer")
@pytest.mark.parametrize(
    ("lines", "url"),
    [
        ((), "mqtt://camera@mosquitto"),
        (("HOST_BROKER=broker.lan",), "mqtt://camera@broker.lan"),
        (("HOST_BROKER=broker.lan:8884", "MQTT_CA_FILE=/ca.crt"), "mqtts://camera@broker.lan:8884"),
        (("MQTT_URL=mqtts://me:secret@broker.lan", "MQTT_CA_FILE=/ca.crt"), "mqtts://me:secret@broker.lan"),
    ],
)
def test_services_find_the_households_own_broker(tmp_path: Path, lines: tuple[str, ...], url: str) -> None:
    camera = configured(tmp_path / "env", *lines)["camera"]
    assert camera["environment"]["MOODRING_MQTT_URL"] == url


def test_the_door_sends_every_path_to_its_owner() -> None:
    """The Caddyfile's matchers and the gateway's table (of the architecture) agree."""
    text = (ROOT / "infra" / "caddy" / "Caddyfile").read_text()
    paths = {
        "/api/cameras": "camera", "/api/cameras/camera/preview.jpg": "camera", "/api/camerasx": None,
        "/api/expressions": "inference", "/api/custom-moods/calm": "inference",
        "/api/rooms/home/mood": "aggregator", "/api/rooms/home/mood/override": "aggregator",
        "/api/rooms/home/moods": None, "/api/rooms/home/calibration": "aggregator",
        "/api/songs/3": "recommender", "/api/playlists": "recommender", "/api/rooms/home/policy": "recommender",
        "/api/rooms/home/history/export": "recommender", "/api/rooms/home/feedback": "recommender",
        "/api/players/home/commands": "player", "/media/7": "player", "/media": None,
        "/api/rooms": None, "/": None, "/api/events": None, "/auth": None,
    }  # fmt: skip
    matchers: dict[str, list[re.Pattern[str]]] = {service: [] for _, service in OWNERS}
    for name, kind, rest in re.findall(r"^\t@(\w+) (path|path_regexp) (.+)$", text, re.MULTILINE):
        if name in matchers:
            forms = [rest] if kind == "path_regexp" else [re.escape(one).replace(r"\*", ".*") for one in rest.split()]
            matchers[name] += [re.compile(form) for form in forms]
    for path, wanted in paths.items():
        assert owner(path) == wanted, path
        found = [service for service, forms in matchers.items() if any(form.fullmatch(path) for form in forms)]
        assert found == ([wanted] if wanted else []), path
    for service in matchers:
        assert f"handle @{service} {{\n\t\timport signed_in\n\t\treverse_proxy {service}:8080" in text
