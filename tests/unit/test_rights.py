"""The table of who may say and hear what: what it promises, whatever the broker."""

from typing import Any

import pytest

from services.contracts import channels
from services.contracts.channels import CHANNELS, RESERVED_INSTANCES, Channel
from services.contracts.rights import HOME_AUTOMATION, RIGHTS, access_list, may_hear, may_say

WHERE = {"room": "home", "camera": "front", "service": "somebody", "instance": "main"}
SERVICES = [user for user in RIGHTS if user != HOME_AUTOMATION]


def where(channel: Channel[Any], **levels: str) -> dict[str, str]:
    return {name: (WHERE | levels)[name] for name in channel.names}


def speakers(channel: Channel[Any]) -> set[str]:
    return {user for user in RIGHTS if may_say(user, channel, where(channel))}


def listeners(channel: Channel[Any]) -> set[str]:
    return {user for user in RIGHTS if may_hear(user, channel, where(channel))}


def test_pictures_of_faces_reach_inference_and_nobody_else() -> None:
    assert listeners(channels.FACES) == {"inference"}
    assert speakers(channels.FACES) == {"camera"}


@pytest.mark.parametrize(
    ("channel", "owner"),
    [
        (channels.MOOD, "aggregator"), (channels.POLICY, "recommender"), (channels.PLAYER, "player"),
        (channels.PRIVACY, "camera"), (channels.CAMERA_STATUS, "camera"),
        (channels.CUSTOM_MOODS, "inference"),
    ],
)  # fmt: skip
def test_a_retained_state_is_said_by_its_owner_only(channel: Channel[Any], owner: str) -> None:
    assert speakers(channel) == {owner}


@pytest.mark.parametrize("channel", [one for one in CHANNELS if one.command], ids=lambda one: one.template)
def test_commands_come_from_outside_or_from_the_one_service_that_gives_them(channel: Channel[Any]) -> None:
    givers = {channels.PLAY: {"recommender"}, channels.PRIVACY_SET: {"camera", HOME_AUTOMATION}}
    assert speakers(channel) == givers.get(channel, {HOME_AUTOMATION})


@pytest.mark.parametrize("user", SERVICES)
def test_a_service_says_its_own_life_sign_and_no_other(user: str) -> None:
    sayable = {other for other in SERVICES if may_say(user, channels.SERVICE, where(channels.SERVICE, service=other))}
    assert sayable == {user}


@pytest.mark.parametrize("instance", sorted(RESERVED_INSTANCES))
def test_a_life_sign_that_reads_like_a_rooms_topic_is_nobodys(instance: str) -> None:
    for user in RIGHTS:
        for service in SERVICES:
            topic = where(channels.SERVICE, service=service, instance=instance)
            assert not may_say(user, channels.SERVICE, topic)
            assert not may_hear(user, channels.SERVICE, topic)


def test_home_automation_is_no_service() -> None:
    own = where(channels.SERVICE, service=HOME_AUTOMATION)
    assert not may_say(HOME_AUTOMATION, channels.SERVICE, own)


def test_every_channel_has_somebody_who_speaks_and_somebody_who_listens() -> None:
    for channel in CHANNELS:
        assert listeners(channel), channel.template
        assert speakers(channel) or channel is channels.SERVICE, channel.template


def test_the_access_list_grants_nothing_beyond_the_prefix() -> None:
    topics = [line.split()[-1] for line in access_list("cottage").splitlines() if line.startswith("topic")]
    assert topics
    assert all(topic.startswith("cottage/") for topic in topics)
