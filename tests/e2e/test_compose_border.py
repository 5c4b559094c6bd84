"""The home server lets nobody in, and nobody out, who should not be (see test_compose.py)."""

import http.client
import json
import re
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from ipaddress import ip_network
from pathlib import Path

import paho.mqtt.subscribe
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from services.contracts.rights import RIGHTS
from tests.browser import Browser
from tests.compose import ADDRESS, LONG_RUNNING, NEEDS_ENGINE, ROOM, SERVER, Stack
from tests.home_automation import Hand

pytestmark = NEEDS_ENGINE

PATHS = (
    *("/", "/docs", "/api/rooms", "/api/events", "/api/tokens", "/api/cameras", "/api/cameras/camera/preview.jpg"),
    *("/api/rooms/home/mood", "/api/rooms/home/calibration", "/api/songs", "/api/playlists", "/api/rooms/home/policy"),
    *("/api/rooms/home/history", "/api/players/home", "/media/1"),
)


def test_everything_is_healthy_and_nothing_runs_as_root(stack: Stack) -> None:
    containers = stack.containers()
    assert set(LONG_RUNNING) < set(containers)
    for name in LONG_RUNNING:
        assert containers[name]["State"]["Health"]["Status"] == "healthy", name
        assert containers[name]["RestartCount"] == 0, name
        assert containers[name]["HostConfig"]["ReadonlyRootfs"] is True
        assert stack.inside(name, "cat", "/proc/1/status").split("Uid:")[1].split()[0] == "10001", name
    for name in ("first-start", "demo-songs", "migrate"):
        assert containers[name]["State"]["ExitCode"] == 0


def expressions(stack: Stack) -> float:
    """Return how many messages with expressions the gateway has heard."""
    ask = (
        "import urllib.request as web\n"
        "token = open('/data/secrets/metrics').read()\n"
        "asked = web.Request('http://127.0.0.1:8080/metrics', headers={'Authorization': 'Bearer ' + token})\n"
        "print(web.urlopen(asked, timeout=20).read().decode())\n"
    )
    text = stack.inside("gateway", "python3", "-c", ask)
    counts = re.findall(r'^moodring_messages_received_total\{.*expressions"\} (\S+)', text, re.MULTILINE)
    return sum(map(float, counts))


def test_home_automation_never_hears_a_face(stack: Stack, hand: Hand) -> None:
    heard = expressions(stack)
    deadline = time.monotonic() + 60
    while expressions(stack) < heard + 2:  # meanwhile faces and expressions went over the broker
        assert time.monotonic() < deadline
        time.sleep(0.2)
    hand.until(f"moodring/{ROOM}/mood", lambda _: True)
    assert not [topic for topic, _ in hand.heard if topic.endswith(("/faces", "/expressions"))]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_home_automation_may_come_over_tls(stack: Stack, tmp_path: Path, host: str) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text(stack.inside("mosquitto", "cat", "/mosquitto/data/tls/ca.crt"))
    password = stack.inside("mosquitto", "cat", "/mosquitto/data/home_automation")
    found = paho.mqtt.subscribe.simple(
        f"moodring/{ROOM}/mood",
        hostname=host,
        port=stack.ports["MQTTS_PORT"],
        auth={"username": "home_automation", "password": password},
        tls={"ca_certs": str(authority)},
    )
    assert json.loads(found.payload)["mood"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic YTpi"])
def test_nothing_answers_without_a_token(stack: Stack, path: str, header: str) -> None:
    request = urllib.request.Request(stack.url + path, headers={"Authorization": header} if header else {})
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=20)
    assert refusal.value.code == 401


def test_commands_are_refused_without_a_token_too(stack: Stack) -> None:
    for method, path in (("PUT", "/api/rooms/home/policy"), ("POST", "/api/players/home/commands"),
                         ("DELETE", "/api/playlists/1"), ("PUT", "/api/cameras/camera/privacy")):  # fmt: skip
        request = urllib.request.Request(stack.url + path, b"{}", {"Content-Type": "application/json"}, method=method)
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(request, timeout=20)
        assert refusal.value.code == 401, path


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_services_tell_their_machine_stays_inside(stack: Stack, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        stack.get(path)
    assert refusal.value.code == 404


def test_https_is_known_by_the_households_own_authority(stack: Stack, tmp_path: Path) -> None:
    authority = tmp_path / "root.crt"
    authority.write_text(stack.inside("caddy", "cat", "/data/caddy/pki/authorities/local/root.crt"))
    context = ssl.create_default_context(cafile=str(authority))
    port = stack.ports["HTTPS_PORT"]
    for host in (SERVER, "localhost", ADDRESS):
        with (
            socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=host) as door,
        ):
            door.sendall(f"GET /auth/sign-in HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert b" 200 " in door.makefile("rb").readline(), host


def test_an_address_that_the_server_was_not_told_is_answered_in_words(stack: Stack) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    door = http.client.HTTPSConnection("127.0.0.1", stack.ports["HTTPS_PORT"], timeout=20, context=context)
    door.request("GET", "/", headers={"Host": f"192.168.7.7:{stack.ports['HTTPS_PORT']}"})
    answer = door.getresponse()
    text = answer.read().decode()
    door.close()
    assert answer.status == 421
    assert "not known as 192.168.7.7" in text
    assert "MOODRING_HOST_NAME and MOODRING_HOST_ADDRESS" in text


def test_the_door_is_well_whatever_the_gateway_does(stack: Stack) -> None:
    check = stack.containers()["caddy"]["Config"]["Healthcheck"]["Test"][1:]
    stack.run("pause", "gateway")
    try:
        stack.inside("caddy", *check)
    finally:
        stack.run("unpause", "gateway")


def test_a_browser_signs_in_and_sees_the_dashboard_live(stack: Stack) -> None:
    with Browser() as page:
        page.open(stack.url)
        field = page.until(lambda: page.driver.find_element(By.ID, "token"), "the sign-in page")
        field.send_keys(stack.token, Keys.ENTER)
        page.until(lambda: page.all("expression-bar"), "the faces, over a websocket through the door")
        page.until(lambda: page.text("title") != "Nothing plays", "the song")
        errors = [error for error in page.errors() if "401" not in error]  # the sign-in page's own status
        assert [error for error in errors if "/media/" not in error] == []


def test_a_service_reaches_the_broker_and_no_other_service(stack: Stack) -> None:
    containers = stack.containers()
    others = {"player": 8080, "recommender": 8080, "postgres": 5432}
    places = [
        (network["IPAddress"], port)
        for name, port in others.items()
        for network in containers[name]["NetworkSettings"]["Networks"].values()
    ]
    probe = (
        "import socket\n"
        f"for place in {places}:\n"
        "    with socket.socket() as door:\n"
        "        door.settimeout(2)\n"
        "        assert door.connect_ex(place) != 0, place\n"
        "socket.create_connection(('mosquitto', 1883), 2)\n"
        "print('done')\n"
    )
    for service in ("camera", "inference", "aggregator"):
        assert stack.inside(service, "python3", "-c", probe) == "done", service


WITHOUT_PORTS = [name for name in LONG_RUNNING if name not in {"mosquitto", "caddy"}]
"""Containers that publish nothing, and so are on isolated networks only."""


@pytest.mark.parametrize("service", WITHOUT_PORTS)
def test_no_service_reaches_what_listens_on_this_machine(stack: Stack, service: str) -> None:
    """Under the address that the engine gives this machine in a network, the first one, in its own or another."""
    networks = {name for one in stack.containers().values() for name in one["NetworkSettings"]["Networks"]} - {"none"}
    command = ["docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", *networks]
    subnets = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        broker = "mosquitto/1883"  # which it reaches, or the probe is none
        places = [broker, *(f"{ip_network(subnet)[1]}/{port}" for subnet in subnets)]
        probe = (
            f"for place in {' '.join(places)}; do timeout 4 bash -c 'exec 3<>/dev/tcp/'$place && echo $place; done; :"
        )
        assert stack.inside(service, "bash", "-c", probe) == broker


@pytest.mark.parametrize("service", WITHOUT_PORTS)
def test_no_way_leads_out_of_a_service(stack: Stack, service: str) -> None:
    """By the engine's word: an address beyond this machine that surely answers is none for a test to rely on."""
    networks = stack.containers()[service]["NetworkSettings"]["Networks"]
    command = ["docker", "network", "inspect", "--format", "{{.Internal}}", *networks]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    assert told == ["true"] * len(networks)


def test_no_secret_is_in_a_log(stack: Stack) -> None:
    logs = stack.run("--profile", "*", "logs", "--no-color").stdout.decode()
    users = [user for user in RIGHTS if user != "home_automation"]
    secrets = [stack.inside(user, "cat", "/data/secrets/mqtt") for user in users]
    secrets += [stack.inside("mosquitto", "cat", "/mosquitto/data/home_automation"), stack.token]
    secrets += [stack.inside("postgres", "cat", "/var/lib/postgresql/data/password")]
    assert all(len(secret) >= 32 for secret in secrets)
    assert not [secret for secret in secrets if secret in logs]
