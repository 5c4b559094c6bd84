"""Channels: topics, payloads, and the page that documents them."""

from pathlib import Path

import pytest

from services.contracts import channels
from services.contracts.channels import CHANNELS, BadMessageError, Channel, Form
from services.contracts.messages import Command, PlayerAction, PlayerCommand, uuid7

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.template)
def test_topic_of_a_channel_is_found_again(channel: Channel) -> None:  # type: ignore[type-arg]
    where = {name: f"the_{name}" for name in channel.names}
    topic = channel.topic("moodring", **where)
    assert channel.where("moodring", topic) == where
    assert channel.where("other", topic) is None
    assert [other.template for other in CHANNELS if other.where("moodring", topic) is not None] == [channel.template]


@pytest.mark.parametrize("channel", channels.OF_ROOMS, ids=lambda channel: channel.template)
def test_a_room_called_as_the_services_topics_makes_no_topic_of_two_channels(channel: Channel) -> None:  # type: ignore[type-arg]
    topic = f"moodring/{channel.template.format(room='services', camera='c1')}"
    assert [one.template for one in CHANNELS if one.levels("moodring", topic) is not None] == [channel.template]
    assert channel.where("moodring", topic) is None


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.template)
def test_every_channel_is_documented(channel: Channel) -> None:  # type: ignore[type-arg]
    assert f"`{channel.template}`" in (ROOT / "docs" / "topics.md").read_text()


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.template)
@pytest.mark.parametrize("payload", [b"", b"\xff\xfe\x00garbage", b"x" * (channels.MAX_PAYLOAD_BYTES + 1)])
def test_garbage_is_refused_on_every_channel(channel: Channel, payload: bytes) -> None:  # type: ignore[type-arg]
    with pytest.raises(BadMessageError):
        channel.decode(payload)


STOPPED = '"playback": "stopped", "position_at": "2026-11-21T18:00Z", "backend": "mpv"'


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    ("channel", "payload"),
    [
        (channels.PLAYER, "{" + STOPPED + ', "position_s": N}'),
        (channels.PLAYER_SET, '{"action": "seek", "value": N}'),
        (channels.CAMERA_STATUS, '{"state": "ok", "fps": N}'),
        (channels.EVENTS, '{"type": "track_skipped", "after": {"position_s": N}}'),
        (channels.EVENTS, '{"type": "problem", "before": {"deep": [{"number": N}]}}'),
    ],
)  # fmt: skip
def test_a_number_that_is_infinite_or_none_is_refused(channel: Channel, payload: str, number: str) -> None:  # type: ignore[type-arg]
    assert channel.decode(payload.replace("N", "1").encode())
    with pytest.raises(BadMessageError):
        channel.decode(payload.replace("N", number).encode())


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.template)
def test_what_controls_anything_is_never_lost_silently(channel: Channel) -> None:  # type: ignore[type-arg]
    assert channel.qos == (0 if channel.form is Form.PROTOBUF else 1)
    assert not (channel.command and channel.retain)


@pytest.mark.parametrize(
    ("topic", "channel"),
    [
        ("moodring/Home/mood", channels.MOOD),
        ("moodring/home/kitchen/mood", channels.MOOD),
        ("moodring/home/mood/", channels.MOOD),
        ("moodring//mood", channels.MOOD),
        ("moodringx/home/mood", channels.MOOD),
        (f"moodring/{'x' * 65}/mood", channels.MOOD),
        ("moodring/services/mood", channels.MOOD),
    ],
)
def test_other_topics_are_not_taken_for_ours(topic: str, channel: Channel) -> None:  # type: ignore[type-arg]
    assert channel.where("moodring", topic) is None


@pytest.mark.parametrize(
    ("level", "near"),
    [
        ("Kitchen", "; kitchen can"),
        ("küche", "; kuche can"),
        ("Living room", "; living_room can"),
        ("Rømø", "; romo can"),
        ("x" * 300, f"; {'x' * 64} can"),
        ("services", ""),
        ("居间", ""),
    ],
)
def test_a_name_that_is_not_allowed_is_said_with_the_nearest_that_is(level: str, near: str) -> None:
    said = channels.misnamed("room", level)
    assert said.startswith(f"no room can be called '{level[:64]}")
    assert said.partition(")")[2] == near


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (b'{"action": "volume"}', "volume needs value"),
        (b'{"action": "next", "value": 3}', "next takes no value"),
        (b'{"action": "volume", "value": 101}', "from 0 to 100"),
        (b'{"action": "volume", "value": NaN}', "value"),
        (b'{"action": "jump"}', "action"),
        (b'{"action": "next", "extra": 1}', "no field extra; there are id, issued_at, action, value"),
    ],
)
def test_wrong_player_command_is_explained(payload: bytes, said: str) -> None:
    with pytest.raises(BadMessageError, match=said):
        channels.PLAYER_SET.decode(payload)


@pytest.mark.parametrize("channel", [channels.FACES, channels.EXPRESSIONS], ids=lambda channel: channel.template)
@pytest.mark.parametrize("length", [0, 201])
def test_a_frames_id_is_neither_empty_nor_long(channel: Channel, length: int) -> None:  # type: ignore[type-arg]
    frame = channel.message(camera="door", frame_id="ü" * 200)
    assert channel.decode(channel.encode(frame)) == frame
    frame.frame_id = "ü" * length
    with pytest.raises(BadMessageError, match=f"frame_id has {length} characters, not 1 to 200"):
        channel.decode(channel.encode(frame))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Deep work!", "deep_work"), (" focused ", "focused"), ("deep__work", "deep__work"), ("Müde", "mude"),
        ("Glu\u0308cklich", "glucklich"), ("Überdreht", "uberdreht"), ("Déjà vu", "deja_vu"), ("Süß", "suss"),
        ("Smørrebrød", "smorrebrod"), ("Ængstelig", "aengstelig"), ("Cœur", "coeur"), ("Żółty", "zolty"),
        ("K\u0131zg\u0131n", "kizgin"), ("İyi", "iyi"), ("ﬁt", "fit"), ("集中", ""), ("集中 2", "2"), ("Спокойно", ""),
        ("…", ""), ("x" * 63 + " yz", "x" * 63), ("x" * 80, "x" * 64),
    ],
)  # fmt: skip
def test_what_people_write_becomes_the_nearest_name(text: str, name: str) -> None:
    assert channels.named(text) == name
    assert not name or channels.allowed("mood", name)


def test_bare_word_gets_an_id_of_its_own() -> None:
    first, second = channels.PLAYER_SET.decode(b" Next\n"), channels.PLAYER_SET.decode(b"next")
    assert first.action is second.action is PlayerAction.NEXT
    assert first.id != second.id


def test_a_word_may_stand_in_quotes_as_in_json() -> None:
    assert channels.MOOD_SET.decode(b'"Angry"\n').mood == "angry"


@pytest.mark.parametrize("word", ["calm", "CALM", " Calm "])
@pytest.mark.parametrize("payload", ["{}", '"{}"', '{{"mood": "{}"}}'], ids=["word", "quoted", "json"])
def test_blanks_and_capitals_do_not_count_however_a_word_comes(word: str, payload: str) -> None:
    assert channels.MOOD_SET.decode(payload.format(word).encode()).mood == "calm"


def test_a_mode_and_an_action_are_words_like_a_mood() -> None:
    assert channels.POLICY_SET.decode(b'{"mode": " Lift"}').mode == "lift"
    assert channels.PLAYER_SET.decode(b'{"action": "NEXT"}').action == "next"


@pytest.mark.parametrize("action", list(PlayerAction))
def test_only_what_means_this_moment_is_relative(action: PlayerAction) -> None:
    value = 5 if action in {PlayerAction.VOLUME, PlayerAction.SEEK} else None
    absolute = action in {PlayerAction.PLAY, PlayerAction.PAUSE, PlayerAction.VOLUME}
    assert PlayerCommand(action=action, value=value).relative is not absolute


def test_ids_are_ordered_by_time_and_of_version_7() -> None:
    ids = [uuid7() for _ in range(100)]
    assert [identifier.version for identifier in ids] == [7] * 100
    assert ids[0].int >> 80 <= ids[-1].int >> 80
    assert len(set(ids)) == 100


def test_every_command_names_the_field_of_its_bare_word() -> None:
    for kind in Command.__subclasses__():
        assert not kind.word_field or kind.word_field in kind.model_fields
