"""The doctor, on a machine where everything is well, and where each thing is broken in turn."""

import asyncio
import json
import os
import re
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import run
from typing import Any
from unittest.mock import Mock

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from services.__main__ import main
from services.assembly import PORTS, SERVICES
from services.contracts.rights import HOME_AUTOMATION, RIGHTS
from services.embedded.broker import embedded_broker
from services.inference.model_folder import latest
from services.recommender.migrate import migrate
from services.runtime.mqtt_client import Access
from services.runtime.service import SetupError
from services.runtime.settings import Settings, load
from services.upkeep.checks import broker as broker_check
from services.upkeep.checks import database as database_check
from services.upkeep.checks import machine
from services.upkeep.checks.broker import broker
from services.upkeep.checks.database import database
from services.upkeep.checks.devices import cameras, player
from services.upkeep.checks.model import model_files, model_server
from services.upkeep.doctor import ask, examine, port, short
from services.upkeep.findings import Finding, How, as_json, as_text, healthy
from tests.integration.test_broker_border import WATCHER, Border, Client
from tests.servers import Server, free_port
from tests.unit.test_mqtt_link import OldBroker

MODELS = Path(__file__).parents[2] / "models"


def is_broken(finding: Finding, *words: str) -> None:
    assert finding.how is How.BROKEN, finding
    assert finding.do, finding
    for word in words:
        assert word in f"{finding.what} {finding.do}", finding


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data=tmp_path / "data", http={"port": free_port()})


@pytest.fixture(scope="module")
def border(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    with Border(tmp_path_factory.mktemp("border"), tls=True) as running:
        as_inference_says(running)
        yield running


def as_inference_says(running: Border) -> None:
    """Have the broker keep what inference says of the whole house at each start."""
    inference = Client(running.port, "inference")
    inference.client.publish("moodring/custom_moods", b"{}", qos=1, retain=True).wait_for_publish(20)
    inference.close()


def test_a_fresh_machine_is_well(settings: Settings) -> None:
    findings = list(examine(settings, SERVICES))
    assert healthy(findings), as_text(findings)
    assert {finding.part for finding in findings} >= {
        *("clock", "processor", "permissions", "disk", "music", "port", "broker", "database", "model", "model server"),
        *("camera", "player"),
    }
    assert json.loads(as_json(findings))["healthy"] is True
    assert not settings.data.exists(), "it only looks"


def test_the_command_says_it_in_its_exit_code(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    environment |= {"MOODRING_DATA": str(tmp_path), "MOODRING_HTTP_PORT": str(free_port())}
    command = [sys.executable, "-m", "services", "doctor", "--json"]
    good = run(command, env=environment, capture_output=True, check=False, text=True)
    assert (good.returncode, json.loads(good.stdout)["healthy"]) == (0, True), good.stderr
    bad = run(command, env=environment | {"MOODRING_MUSIC": "/none"}, capture_output=True, check=False, text=True)
    assert (bad.returncode, json.loads(bad.stdout)["healthy"]) == (1, False), bad.stderr


def test_wrong_settings_are_said_as_all_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    monkeypatch.setenv("MOODRING_MQTT_PASSWORD_FILE", str(secret))
    monkeypatch.setattr(Path, "read_text", Mock(side_effect=PermissionError(13, "Permission denied")))
    assert main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["healthy"], [each["part"] for each in report["findings"]]) == (False, ["settings"])
    assert f"{secret} cannot be read: Permission denied; it has to belong to user {os.geteuid()} (chown" in str(report)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out.startswith("XX  settings")


def test_a_start_says_what_is_broken_and_no_more(tmp_path: Path) -> None:
    assert list(short(load(data=tmp_path), SERVICES)) == []
    assert [finding.part for finding in short(load(data=tmp_path, music=tmp_path / "none"), SERVICES)] == ["music"]


EVERYBODYS = {"clock", "port"}
KEEPERS = EVERYBODYS | {"permissions", "disk", "broker"}
NEEDS = {
    "camera": KEEPERS | {"camera"},
    "inference": KEEPERS | {"processor", "model", "model server"},
    "aggregator": KEEPERS,
    "recommender": KEEPERS | {"music", "database"},
    "player": KEEPERS | {"music", "player"},
    "gateway": KEEPERS,
    "model-server": EVERYBODYS | {"processor", "model"},
}


@pytest.mark.parametrize("service", PORTS)
def test_a_service_alone_is_told_of_its_own_needs_only(settings: Settings, service: str) -> None:
    assert {finding.part for finding in examine(settings, [service])} == NEEDS[service]


def test_a_container_looks_at_what_its_service_needs(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOODRING_")}
    environment |= {"MOODRING_DATA": str(tmp_path), "MOODRING_HTTP_PORT": str(free_port())}
    environment["MOODRING_CONTAINER"] = "model-server"
    command = [sys.executable, "-m", "services", "doctor", "--json"]
    report = run(command, env=environment, capture_output=True, check=False, text=True)
    assert {finding["part"] for finding in json.loads(report.stdout)["findings"]} == NEEDS["model-server"]
    wrong = run([*command, "camra"], env=environment, capture_output=True, check=False, text=True)
    assert (wrong.returncode, "there is no service 'camra'" in wrong.stderr) == (1, True)


# --- the machine


def test_clock_of_1970() -> None:
    is_broken(machine.clock(86_400, None), "1970-01-02", "timedatectl")


def test_clock_that_nobody_sets() -> None:
    assert machine.clock(machine.RELEASED_S + 1, machine.TIME_ERROR).how is How.DOUBTFUL
    assert machine.clock(machine.RELEASED_S + 1, 0).how is How.WELL


def test_processor_without_avx_needs_the_light_model_server(tmp_path: Path) -> None:
    server = {"model_server": "grpc://model-server:8500"}
    remote = load(data=tmp_path, inference=server, container="inference")
    finding = machine.processor(remote, "x86_64", frozenset({"sse4_2"}))
    assert finding.how is How.DOUBTFUL
    assert "MOODRING_HOST_MODEL_SERVER=light" in finding.do
    assert machine.processor(load(data=tmp_path), "x86_64", frozenset({"sse4_2"})).how is How.WELL
    assert machine.processor(remote, "aarch64", frozenset()).how is How.WELL


def test_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=50_000_000))
    is_broken(machine.disk(load(data=tmp_path)), "0.1 GB", "make room")


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch) -> dict[Path, int]:
    """What is closed to us, and for what: root may everything."""
    closed: dict[Path, int] = {}
    monkeypatch.setattr(os, "access", lambda path, wanted: not closed.get(path, 0) & wanted)
    return closed


@pytest.mark.parametrize("own", [True, False], ids=["of a wrong mode", "of somebody else"])
def test_data_folder_that_is_closed_to_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shut: dict[Path, int], *, own: bool
) -> None:
    data, user = tmp_path / "data", os.geteuid() if own else os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)
    here, inside = load(data=data), load(data=data, container="player")
    shut[tmp_path] = os.W_OK
    tmp_path.chmod(0o500)
    is_broken(
        machine.permissions(here),
        f"may not read and write {tmp_path}: " + ("its mode is 500" if own else f"it belongs to user {user - 1}"),
        f"`chmod u+rwx {tmp_path}`" if own else f"`sudo install -d -o {user} {data}`",
    )
    shut[tmp_path] = os.W_OK | os.X_OK  # then it cannot be seen whether there is anything in it
    is_broken(machine.permissions(here), f"`chmod u+rwx {tmp_path}`" if own else f"`sudo chmod a+x {tmp_path}`")
    kept = ("moodring.sqlite3", "moodring.sqlite3-wal", "state", "state/player.json", "models", "songs", "debug-crops")
    for name in kept:
        place = data / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch(0o400) if "." in name else place.mkdir()
    for closed in (data, *(data / name for name in kept)):
        shut.clear()
        shut[closed] = os.W_OK
        is_broken(machine.permissions(here), f"{closed}: {'its mode is' if own else 'it belongs to'}")
        is_broken(machine.permissions(here), f"`chmod -R u+rwX {data}`" if own else f"`sudo chown -R {user} {data}`")
        found = machine.permissions(inside)
        is_broken(found, "first-start -R", "/volumes/player")
        assert ("--entrypoint chmod" in found.do, "--user 0" in found.do) == (own, not own)
    shut.clear()
    assert machine.permissions(here).how is How.WELL


def test_what_another_user_of_this_machine_keeps_elsewhere_does_not_matter(
    tmp_path: Path, shut: dict[Path, int]
) -> None:
    for name in ("moodring.sqlite3", "songs/one.wav", "lost+found/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        shut[tmp_path / name] = shut[(tmp_path / name).parent] = os.W_OK
    del shut[tmp_path]
    elsewhere = load(data=tmp_path, music=tmp_path, recommender={"database": "postgresql://database/moodring"})
    assert machine.permissions(elsewhere).how is How.WELL


def test_disk_that_became_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = os.statvfs(tmp_path)
    read_only = os.statvfs_result([*there[:8], there.f_flag | os.ST_RDONLY, there.f_namemax])
    monkeypatch.setattr(os, "statvfs", lambda _path: read_only)
    is_broken(machine.permissions(load(data=tmp_path)), f"{tmp_path} is read-only", "dmesg")


def test_music_that_is_not_there_or_is_none(tmp_path: Path) -> None:
    is_broken(machine.music(load(music=tmp_path / "none")), "none", "MOODRING_MUSIC")
    (tmp_path / "photo.jpg").touch()
    is_broken(machine.music(load(music=tmp_path)), "no song")
    (tmp_path / "song.mp3").touch()
    assert machine.music(load(music=tmp_path)).how is How.WELL


# --- the port


def at_port(number: int) -> Finding:
    settings = load(http={"port": number})
    return port(settings, number, ask(settings, number))


def answering(status: int, body: Any) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "how", "said"),
    [
        (200, {"ready": True}, How.WELL, "runs here"),
        (200, {"ready": True, "problems": {"model-server": {"model": "half copied"}}}, How.BROKEN, "half copied"),
        (503, {"ready": False, "problems": {"camera": {"camera": "no device"}}}, How.BROKEN, "no device"),
        (503, {"ready": False}, How.BROKEN, "who has a token"),
        (503, ["busy"], How.BROKEN, "who has a token"),
        (404, {}, How.BROKEN, "something else answers"),
    ],
)
def test_port_where_something_answers(status: int, body: Any, how: How, said: str) -> None:
    for number in answering(status, body):
        finding = at_port(number)
        assert (finding.how, said in finding.what) == (how, True), finding


def test_port_where_something_answers_that_is_no_web_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            client, _ = server.accept()
            with client:
                client.recv(100)
                client.sendall(b"SSH-2.0-OpenSSH_10.0\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        is_broken(at_port(server.getsockname()[1]), "something else answers", "MOODRING_HTTP_PORT")
        thread.join()


def test_port_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for number in answering(200, {"ready": True}):
        assert at_port(number).how is How.WELL


def test_port_that_something_mute_has() -> None:
    with socket.socket() as taken:  # bound and silent: nothing answers, and nobody else can have it
        taken.bind(("127.0.0.1", 0))
        is_broken(at_port(taken.getsockname()[1]), "in use", "MOODRING_HTTP_PORT")


# --- the broker


def at_broker(url: str, **settings: Any) -> Finding:
    return broker(load(mqtt={"url": url, **settings}))


def test_broker_that_is_well(border: Border) -> None:
    for user in (*USERS, WATCHER):
        finding = at_broker(f"mqtt://{user}:{user}@127.0.0.1:{border.port}")
        assert finding.how is How.WELL, finding
    secure = at_broker(f"mqtts://player:player@localhost:{border.tls_port}", ca_file=border.folder / "tls" / "ca.crt")
    assert secure.how is How.WELL, secure


def test_nobody_takes_what_is_tried_for_news(border: Border) -> None:
    heard: list[str] = []
    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.username_pw_set("home_automation", "home_automation")
    listener.on_message = lambda _c, _u, message: None if message.retain else heard.append(message.topic)
    listener.connect("127.0.0.1", border.port)
    listener.subscribe("#", 1)
    listener.loop_start()
    for user in ("inference", "recommender"):
        assert at_broker(f"mqtt://{user}:{user}@127.0.0.1:{border.port}").how is How.WELL
    listener.loop_stop()
    listener.disconnect()
    assert heard
    assert all("/Doctor" in topic for topic in heard)


def test_broker_that_is_not_there() -> None:
    is_broken(at_broker(f"mqtt://127.0.0.1:{free_port()}"), "nothing answers", "MOODRING_MQTT_URL")
    is_broken(at_broker("mqtt://no.such.host.invalid"), "nothing answers")


def test_broker_that_does_not_let_us_in(border: Border) -> None:
    finding = at_broker(f"mqtt://camera:wrong@127.0.0.1:{border.port}")
    is_broken(finding, "does not let camera in", "MOODRING_MQTT_PASSWORD_FILE")
    assert "wrong" not in finding.what


def test_broker_that_forbids_what_we_have_to_say(tmp_path: Path) -> None:
    strict = Border(tmp_path / "broker")
    acl = strict.folder / "acl"
    acl.write_text(acl.read_text().replace("topic write moodring/+/play\n", ""))
    with strict:
        as_inference_says(strict)
        finding = at_broker(f"mqtt://recommender:recommender@127.0.0.1:{strict.port}")
        url = f"mqtt://recommender:recommender@localhost:{strict.port}"
        in_container = broker(load(mqtt={"url": url}, container="recommender"))
    is_broken(finding, "forbids recommender to publish on moodring/Doctor/play")
    is_broken(finding, "lacks, below `user recommender`: `topic write moodring/+/play`", "systemctl reload mosquitto")
    assert "docker" not in finding.do
    is_broken(in_container, "`topic write moodring/+/play`", "`docker compose cp mosquitto:/mosquitto/data/acl")
    assert "restart mosquitto" not in in_container.do, "the one of the stack is not asked"


def test_broker_of_the_stack_is_to_read_its_list_again() -> None:
    for user, lacks in (("camera", "`topic write moodring/+/events`"), ("one_for_all", "`topic readwrite moodring/#`")):
        settings = load(mqtt={"url": f"mqtt://{user}:x@mosquitto"}, container="camera")
        advice = broker_check._allow(settings, user, ["topic write moodring/+/events"])
        assert "docker compose up -d && docker compose restart mosquitto" in advice
        assert lacks in advice


def test_the_broker_rows_of_the_documents_are_what_the_doctor_says() -> None:
    table = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    source = Path(broker_check.__file__).read_text()
    broken = ("nothing answers at ", "does not let ", " forbids ", "does not confirm ")
    for said in (*broken, "could not be tried", "nothing came of "):
        assert said in source
        assert re.search(rf"`[^`]*{said.strip()}", table), f"no row of the table is for {said!r}"


def test_broker_that_takes_a_subscription_and_passes_nothing_on(tmp_path: Path) -> None:
    strict = Border(tmp_path / "broker")
    acl = strict.folder / "acl"
    acl.write_text(acl.read_text().replace("topic read moodring/+/privacy/set\n", ""))
    with strict:
        finding = at_broker(f"mqtt://camera:camera@127.0.0.1:{strict.port}")
    is_broken(finding, "forbids camera to hear moodring/Doctor/privacy/set")


USERS = tuple(user for user in RIGHTS if user != HOME_AUTOMATION)


def test_broker_that_lets_a_service_hear_nothing(tmp_path: Path) -> None:
    strict = Border(tmp_path / "broker")
    acl = strict.folder / "acl"
    acl.write_text("\n".join(line for line in acl.read_text().splitlines() if not line.startswith("topic read ")))
    with strict, ThreadPoolExecutor() as pool:  # each waits for what does not come
        found = list(pool.map(lambda user: at_broker(f"mqtt://{user}:{user}@127.0.0.1:{strict.port}"), USERS))
    for user, finding in zip(USERS, found, strict=True):
        heard = [channel for channel in RIGHTS[user].hears if channel.names]
        topics = ", ".join(sorted(channel.at_nobodys("moodring") for channel in heard))
        is_broken(finding, f"forbids {user} to hear {topics}")
        is_broken(finding, *(f"`topic read {channel.topic('moodring')}`" for channel in heard))


def test_broker_whose_list_is_older_than_the_trial_is_not_called_deaf(tmp_path: Path) -> None:
    strict = Border(tmp_path / "broker")
    acl = strict.folder / "acl"
    acl.write_text(acl.read_text().replace("topic write moodring/Doctor/play\n", ""))
    with strict:
        finding = at_broker(f"mqtt://player:player@127.0.0.1:{strict.port}")
    assert finding.how is How.DOUBTFUL, finding
    assert "whether it passes on moodring/Doctor/play could not be tried" in finding.what
    assert "`topic write moodring/Doctor/play`" in finding.do


def test_doctors_of_one_user_at_the_same_time_do_not_throw_each_other_out(border: Border) -> None:
    url = f"mqtt://player:player@127.0.0.1:{border.port}"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(at_broker, [url] * 4))
    assert {finding.how for finding in found} == {How.WELL}, found


def test_what_another_doctor_says_is_not_taken_for_ours(tmp_path: Path) -> None:
    strict = Border(tmp_path / "broker")
    acl = strict.folder / "acl"
    acl.write_text(acl.read_text().replace("topic write moodring/Doctor/play\n", ""))
    with strict:
        another = Client(strict.port, WATCHER)
        another.client.publish("moodring/Doctor/play", b"?", qos=1, retain=True).wait_for_publish(20)
        url = f"mqtt://player:player@127.0.0.1:{strict.port}"
        # In MQTT 3.1.1 the broker takes our own, too, and drops it.
        old = broker_check._examine(
            load(mqtt={"url": url}), Access(url, "doctor", sessions=False), MQTTProtocolVersion.MQTTv311, "it"
        )
        another.close()
    assert old
    assert old.how is How.DOUBTFUL, old
    assert "whether it passes on moodring/Doctor/play could not be tried" in old.what


def test_what_is_the_whole_houses_is_heard_where_it_was_said(tmp_path: Path) -> None:
    deaf = Border(tmp_path / "broker")
    acl = deaf.folder / "acl"
    sections = acl.read_text().split("user ")
    acl.write_text("user ".join(
        one.replace("topic read moodring/custom_moods\n", "") if one.startswith("recommender") else one
        for one in sections
    ))  # fmt: skip
    with deaf:
        before = at_broker(f"mqtt://aggregator:aggregator@127.0.0.1:{deaf.port}")
        as_inference_says(deaf)
        after = at_broker(f"mqtt://aggregator:aggregator@127.0.0.1:{deaf.port}")
        forbidden = at_broker(f"mqtt://recommender:recommender@127.0.0.1:{deaf.port}")
    assert after.how is How.WELL, after
    for doubtful in (before, forbidden):
        assert doubtful.how is How.DOUBTFUL, doubtful
        assert "nothing came of moodring/custom_moods" in doubtful.what
        assert "`topic read moodring/custom_moods`" in doubtful.do


async def test_broker_that_never_confirms_and_one_that_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_check, "ANSWER_S", 0.5)
    old = OldBroker()
    server = await asyncio.start_server(old.serve, "127.0.0.1", 0)
    url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finding = await asyncio.to_thread(at_broker, url)
    is_broken(finding, "does not confirm moodring/")
    assert old.asked == [5, 4]
    server.close()
    await server.wait_closed()


async def test_broker_that_speaks_mqtt_3_only() -> None:
    async with embedded_broker() as broker:
        finding = await asyncio.to_thread(at_broker, broker.url)
    assert (finding.how, "nothing came of moodring/custom_moods" in finding.what) == (How.DOUBTFUL, True), finding


def test_broker_whose_certificate_is_not_trusted(border: Border) -> None:
    is_broken(at_broker(f"mqtts://player:player@localhost:{border.tls_port}"), "not trusted", "MOODRING_MQTT_CA_FILE")


def test_broker_without_tls(border: Border) -> None:
    assert at_broker(f"mqtts://player:player@localhost:{border.port}").how is How.BROKEN


# --- the database


def test_database_that_is_well_or_new(settings: Settings, postgres_url: str) -> None:
    assert database(settings).how is How.WELL
    migrate(settings)
    assert database(settings).how is How.WELL
    on_postgres = load(recommender={"database": postgres_url})
    migrate(on_postgres)
    assert database(on_postgres).how is How.WELL


def test_database_of_another_version(settings: Settings) -> None:
    migrate(settings, to="0001")
    is_broken(database(settings), "0001", "`moodring migrate`")


def test_database_file_that_is_closed_to_us(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shut: dict[Path, int]
) -> None:
    migrate(settings)
    file, user = settings.data / "moodring.sqlite3", os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: user)
    shut[file] = os.W_OK
    for check in (machine.permissions, database):
        is_broken(check(settings), f"may not read and write {file}", f"`sudo chown -R {user} {settings.data}`")
        is_broken(check(settings.model_copy(update={"container": "recommender"})), "/volumes/recommender")
    address = {"database": f"sqlite:///{file}"}
    is_broken(database(load(data=tmp_path / "other", recommender=address)), f"`sudo chown -R {user} {file}`")
    shut[settings.data] = shut.pop(file)
    finding = database(load(data=tmp_path / "other", recommender=address))
    is_broken(finding, f"may not read and write {settings.data}", "MOODRING_RECOMMENDER_DATABASE")
    assert "chown" not in finding.do, "it holds what is not ours"


def test_database_file_that_is_none(settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "moodring.sqlite3").write_text("no database\n" * 100)
    is_broken(database(settings), "not a database", "MOODRING_RECOMMENDER_DATABASE", "restore a backup")
    assert "password" not in database(settings).do


def test_database_without_tables(postgres_url: str) -> None:
    is_broken(database(load(recommender={"database": postgres_url})), "none", "`moodring migrate`")


def test_database_that_refuses_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Settings) -> None:
        raise SetupError('cannot use the database: FATAL: password authentication failed for user "moodring"')

    monkeypatch.setattr(database_check, "opened", refused)
    address = {"database": "postgresql://moodring@postgres/moodring"}
    inside = database(load(recommender=address, container="recommender"))
    is_broken(inside, "password authentication failed", "Secrets in docs/operations.md")
    is_broken(database(load(recommender=address)), "password authentication failed", "MOODRING_RECOMMENDER_DATABASE")


def test_database_that_is_not_there() -> None:
    address = f"postgresql://moodring:hidden@127.0.0.1:{free_port()}/moodring"
    finding = database(load(recommender={"database": address}))
    is_broken(finding, "cannot use the database moodring at 127.0.0.1", "MOODRING_RECOMMENDER_DATABASE")
    assert "hidden" not in finding.what
    is_broken(database(load(recommender={"database": "mysql://x"})), "mysql")


def test_what_to_type_is_said_for_the_way_of_running(tmp_path: Path) -> None:
    for container, migrate_line, broker_line in (
        ("", "`moodring migrate`", "start it"),
        ("recommender", "`docker compose up migrate`", "`docker compose up -d mosquitto`"),
    ):
        settings = load(data=tmp_path, container=container, mqtt={"url": f"mqtt://127.0.0.1:{free_port()}"})
        migrate(settings, to="0001")
        is_broken(database(settings), migrate_line)
        is_broken(broker(settings), broker_line)


# --- the model


@pytest.fixture
def models(tmp_path: Path) -> Path:
    shutil.copytree(MODELS / "expression", tmp_path / "models" / "expression")
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "model.int8.tflite").write_bytes(b"no model"), "sha256 differs"),
        (lambda folder: (folder / "model.int8.tflite").unlink(), "is missing"),
        (lambda folder: (folder / "model.json").write_text("{"), "model.json"),
        (shutil.rmtree, "no model"),
    ],
)
def test_model_that_is_not_the_released_one(models: Path, harm: Callable[[Path], Any], said: str) -> None:
    assert model_files(load(inference={"models": models})).how is How.WELL
    harm(latest(models, "expression").path)
    is_broken(model_files(load(inference={"models": models})), said, "git checkout")


def test_model_server_that_is_not_there() -> None:
    finding = model_server(load(inference={"model_server": f"grpc://127.0.0.1:{free_port()}"}))
    is_broken(finding, "is away", "MOODRING_INFERENCE_MODEL_SERVER")
    is_broken(model_server(load(inference={"model_server": "http://x"})), "MOODRING_INFERENCE_MODEL_SERVER")


# --- camera and player


def test_camera_that_does_not_work(tmp_path: Path) -> None:
    assert cameras(load(camera={"source": "demo"}))[0].how is How.WELL
    is_broken(cameras(load(camera={"source": "/dev/video77"}))[0], "/dev/video77", "MOODRING_CAMERA_SOURCE")
    passed_on = load(camera={"source": "/dev/video77"}, container="camera")
    is_broken(cameras(passed_on)[0], "MOODRING_HOST_CAMERA_GROUP", "`docker compose up -d`")
    away = load(camera={"source": f"rtsp://127.0.0.1:{free_port()}/none"}, container="camera")
    is_broken(cameras(away)[0], "MOODRING_HOST_CAMERA_ISOLATED=false in .env, then `docker compose down")
    (tmp_path / "film.mkv").write_bytes(b"no film")
    is_broken(cameras(load(camera={"source": str(tmp_path / "film.mkv")}))[0], "film.mkv")


def test_player_that_is_not_there() -> None:
    found = player(load(player={"backend": f"browser:,mpd://secret@127.0.0.1:{free_port()}"}))
    assert found[0].how is How.WELL
    is_broken(found[1], "MPD at 127.0.0.1", "MOODRING_PLAYER_BACKEND")
    assert "secret" not in found[1].what
    is_broken(player(load(player={"backend": "mpd://127.0.0.1:mine"}))[0], "host[:port]", "MOODRING_PLAYER_BACKEND")


@pytest.mark.parametrize(
    ("mpv", "said"),
    [("/usr/bin/mpv", "dashboard makes the sound, and mpv where none is open"), (None, "makes the sound")],
)
def test_player_that_is_chosen_by_what_is_there(mpv: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: mpv)
    found = player(load(player={"backend": "auto"}))[0]
    assert found.how is How.WELL
    assert found.what.endswith(said)


def test_player_that_is_well(tmp_path: Path) -> None:
    number = free_port()
    (tmp_path / "music").mkdir()
    config = tmp_path / "mpd.conf"
    config.write_text(
        f'music_directory "{tmp_path}/music"\ndb_file "{tmp_path}/db"\nbind_to_address "127.0.0.1"\nport "{number}"\n'
        'audio_output {\n type "null"\n name "silent"\n}\n'
    )
    with Server(["mpd", "--no-daemon", str(config)], number):
        assert player(load(player={"backend": f"mpd://127.0.0.1:{number}"}))[0].how is How.WELL
