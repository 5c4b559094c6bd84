"""Settings: where they come from, and what is said when they are wrong."""

from pathlib import Path

import pytest

from services.runtime import settings
from services.runtime.service import SetupError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "moodring.yml"
    monkeypatch.setenv(settings.FILE_VARIABLE, str(path))
    return path


def test_environment_wins_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("camera:\n  source: /dev/video0\n  fps: 3\n")
    monkeypatch.setenv("MOODRING_CAMERA_SOURCE", "0")
    loaded = settings.load()
    assert (loaded.camera.source, loaded.camera.fps) == ("0", 3)


def test_key_with_an_underscore_is_reached_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODRING_AGGREGATOR_WINDOW_S", "20")
    assert settings.load().aggregator.window_s == 20


def test_number_is_taken_for_a_webcam(file: Path) -> None:
    file.write_text("camera:\n  source: 0\n")
    assert settings.load().camera.source == "0"


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("MOODRING_MUSIC", "~/Music")
    assert settings.load().music == tmp_path / "Music"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("camera:\n  souce: 1\n", "camera.souce is unknown; did you mean camera.source?"),
        ("zzz: 1\n", "zzz is unknown"),
        ("camrea:\n  fps: 1\n", "camrea is unknown; did you mean camera?"),
        ("camera: [\n", "is not valid YAML"),
        ("- a\n", "does not hold sections"),
        ("just words\n", "does not hold sections"),
        ("camera: 3\n", "the setting camera"),
        ("camera:\n  fps: 1000\n", "camera.fps (MOODRING_CAMERA_FPS) is wrong: Input should be less than or equal"),
        ("camera:\n  fps: .nan\n", "camera.fps"),
        ("room: Living Room\n", "the setting room (MOODRING_ROOM) is wrong"),
        ("room: services\n", "the setting room (MOODRING_ROOM) is wrong"),
        ("\x00", "is not valid YAML"),
        ("mqtt:\n  url: localhost:1883\n", "has to be mqtt://host"),
        ("mqtt:\n  url: ssl://host\n", "has to be mqtt://host"),
        ("mqtt:\n  url: mqtt://host:99999\n", "mqtt.url (MOODRING_MQTT_URL) is wrong"),
        ("mqtt:\n  ca_file: /no/such/file\n", "mqtt.ca_file (MOODRING_MQTT_CA_FILE) is wrong"),
    ],
)
def test_broken_file_is_one_clear_line(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(SetupError) as error:
        settings.load()
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_that_was_asked_for_is_said(file: Path) -> None:
    with pytest.raises(SetupError, match="there is no such file"):
        settings.load()


def test_unknown_variable_names_the_nearest_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODRING_HTTP_PROT", "1")
    with pytest.raises(SetupError, match="did you mean MOODRING_HTTP_PORT"):
        settings.load()


def test_every_key_is_described() -> None:
    assert [key for key, field in settings.keys().items() if not field.description] == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://me:secret@cam:554/live", "rtsp://***@cam:554/live"),
        ("mqtt://host", "mqtt://host"),
        ("http://cam/video?user=me&pwd=secret", "http://cam/video?***"),
        ("rtsp://me:se/cr@et#@cam:554/live", "rtsp://***@cam:554/live"),
        ("mqtt:/user:secret@host", "***@host"),
        ("mqtt:/user:a://secret@host", "***@host"),
        ("mqtt//secret@host?key=secret", "***@host?***"),
        ("demo", "demo"),
        ("/dev/video0", "/dev/video0"),
    ],
)
def test_redacted_url_shows_no_password(url: str, shown: str) -> None:
    assert settings.redact(url) == shown


def test_password_comes_from_a_file_where_the_address_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("p@ss/word\n")
    monkeypatch.setenv("MOODRING_MQTT_PASSWORD_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("MOODRING_RECOMMENDER_PASSWORD_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("MOODRING_RECOMMENDER_DATABASE", "postgresql://moodring@db:5433/moodring")
    for url, complete in (
        ("mqtt://camera@broker", "mqtt://camera:p%40ss%2Fword@broker"),
        ("mqtt://camera:own@broker:1884", "mqtt://camera:own@broker:1884"),
        ("mqtt://broker", "mqtt://broker"),
    ):
        monkeypatch.setenv("MOODRING_MQTT_URL", url)
        loaded = settings.load()
        assert loaded.mqtt.url == complete
        assert loaded.recommender.database == "postgresql://moodring:p%40ss%2Fword@db:5433/moodring"


@pytest.mark.parametrize(("content", "said"), [("", "is empty"), (None, "does not point to a file")])
def test_password_file_that_holds_nothing_is_said(
    content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "secret").write_text(content)
    monkeypatch.setenv("MOODRING_MQTT_PASSWORD_FILE", str(tmp_path / "secret"))
    with pytest.raises(SetupError, match=said) as error:
        settings.load()
    assert "mqtt.password_file (MOODRING_MQTT_PASSWORD_FILE)" in str(error.value)


def test_empty_variable_is_one_that_nobody_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOODRING_CAMERA_SOURCE", "")
    monkeypatch.setenv("MOODRING_MUSIC", "")
    loaded = settings.load()
    assert (loaded.camera.source, loaded.music) == ("demo", None)


@pytest.mark.parametrize("url", ["mqtt:/user:secret@host", "mqtt://user:secret/x@host", "http://user:secret@host"])
def test_a_broker_that_is_misspelt_does_not_show_its_password(url: str) -> None:
    with pytest.raises(SetupError, match="it has to be mqtt://host") as raised:
        settings.load(mqtt={"url": url})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("instance", ["set", "faces", "expressions", "status"])
def test_an_instance_is_not_called_like_a_topic_of_a_room(instance: str) -> None:
    with pytest.raises(SetupError, match="taken by the topics of the rooms"):
        settings.load(instance=instance)


def test_several_cameras_take_what_they_leave_out_from_the_one(file: Path) -> None:
    file.write_text(
        "room: home\ncamera: {fps: 3, detector: haar}\n"
        "cameras:\n  door: {source: rtsp://door/1, room: hall}\n  desk: {fps: 9}\n"
    )
    door, desk = settings.load().watched
    assert (door.name, door.room, door.source, door.fps, door.detector) == ("door", "hall", "rtsp://door/1", 3, "haar")
    assert (desk.name, desk.room, desk.source, desk.fps) == ("desk", "home", "demo", 9)


def test_one_camera_is_in_the_room_of_the_process(file: Path) -> None:
    file.write_text("room: attic\n")
    assert [(one.name, one.room) for one in settings.load().watched] == [("camera", "attic")]


@pytest.mark.parametrize(
    ("cameras", "consent"),
    [
        ('{"door": {"source": "0"}}', '{"home": "07:00-09:00"}'),
        ("{door: {source: 0}}", "{home: 07:00-09:00}"),
    ],
)
def test_several_cameras_can_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, cameras: str, consent: str
) -> None:
    monkeypatch.setenv("MOODRING_CAMERAS", cameras)
    monkeypatch.setenv("MOODRING_PRIVACY_CONSENT", consent)
    loaded = settings.load()
    assert [(one.name, one.source) for one in loaded.watched] == [("door", "0")]
    assert loaded.privacy.consent == {"home": "07:00-09:00"}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("CAMERAS", "{door", "cameras (MOODRING_CAMERAS) is wrong: Input should be a valid dictionary (it is '{door')"),
        ("CAMERAS", '{"Front door": {}}', "cameras.Front door"),
        ("CAMERAS", '{"door": {"sorce": "0"}}', "cameras.door.sorce is unknown"),
        ("CAMERAS", '{"door": "rtsp://me:secret@door"}', "cameras.door is wrong"),
        ("CAMERAS", '{"door": {"room": "services"}}', "cameras.door.room is wrong"),
        ("PRIVACY_SCHEDULE", "at night", "privacy.schedule (MOODRING_PRIVACY_SCHEDULE) is wrong"),
        ("PRIVACY_TIME_ZONE", "Atlantis", "no such time zone"),
        ("PRIVACY_CONSENT", '{"home": "at night"}', "privacy.consent.home is wrong"),
    ],
)
def test_wrong_cameras_and_hours_are_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"MOODRING_{variable}", value)
    with pytest.raises(SetupError) as error:
        settings.load()
    assert said in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_cameras_are_shown_without_their_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "MOODRING_CAMERAS",
        '{"door": {"source": "rtsp://me:secret@door/1"}, "desk": {"source": "http://cam/?pwd=secret"}}',
    )
    shown = settings.shown(settings.load().model_dump(mode="json")["cameras"])
    assert "secret" not in shown
    assert "rtsp://***@door/1" in shown


def test_the_rooms_of_the_settings_are_those_of_this_process_its_cameras_and_the_moods() -> None:
    several = {"door": {"source": 0, "room": "hall"}, "desk": {"source": 1}}
    found = settings.load(room="den", cameras=several, aggregator={"rooms": {"kitchen": {}}})
    assert found.rooms == ("den", "kitchen", "hall")
