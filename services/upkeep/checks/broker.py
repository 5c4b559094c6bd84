"""The doctor's check of the broker: connection, login, and whether the access list lets us say what we have to."""

import contextlib
import os
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion

from services.contracts.channels import SERVICE
from services.contracts.rights import HOME_AUTOMATION, RIGHTS
from services.runtime.mqtt_client import Access, connect, new_client
from services.runtime.settings import Settings, redact
from services.upkeep.findings import Finding, broken, skipped, well

ANSWER_S = 5.0
NOBODY = "Doctor"
"""No room, camera or instance may be called so (they are lower-case): what is said there is heard by no service."""


@dataclass
class _Answers:
    connected: threading.Event = field(default_factory=threading.Event)
    refusal: str = ""
    published: threading.Event = field(default_factory=threading.Event)
    refused: set[int] = field(default_factory=set)
    awaited: set[int] = field(default_factory=set)


def broker(settings: Settings) -> Finding:
    """Connect as this process would, and try to say everything that its user has to."""
    if settings.mqtt.url == "embedded:":
        return skipped("broker", "the embedded one is used, which runs with Moodring")
    place = redact(settings.mqtt.url)
    parts = urlsplit(settings.mqtt.url)
    access = Access(
        settings.mqtt.url, f"{settings.mqtt.prefix}-doctor-{os.getpid()}", ca_file=settings.mqtt.ca_file, sessions=False
    )
    client = new_client(access, MQTTProtocolVersion.MQTTv5)
    answers = _listen(client)
    try:
        connect(client, access)
        if not answers.connected.wait(ANSWER_S):
            return broken("broker", f"{place} takes the connection and says nothing", "is it a broker's port?")
        if answers.refusal:
            user = parts.username or "nobody (no user is named)"
            what = f"{place} does not let {user} in: {answers.refusal}"
            return broken(
                "broker", what, "correct user and password in MOODRING_MQTT_URL or MOODRING_MQTT_PASSWORD_FILE"
            )
        return _rights(client, answers, settings.mqtt.prefix, parts.username or "", place)
    except (OSError, ValueError) as error:
        return _unreachable(error, place)
    finally:
        client.disconnect()
        client.loop_stop()


def _listen(client: paho.Client) -> _Answers:
    answers = _Answers()

    def on_connect(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        answers.refusal = str(code) if code.is_failure else ""
        answers.connected.set()

    def on_publish(_c: Any, _u: Any, mid: int, code: Any, _p: Any) -> None:
        if code.is_failure:
            answers.refused.add(mid)
        answers.awaited.discard(mid)
        if not answers.awaited:
            answers.published.set()

    client.on_connect, client.on_publish = on_connect, on_publish
    return answers


def _rights(client: paho.Client, answers: _Answers, prefix: str, user: str, place: str) -> Finding:
    topics = _topics(prefix, user)
    sent = {}
    answers.awaited |= set(range(1, len(topics) + 1))
    for topic in topics:
        sent[client.publish(topic, b"?", qos=1).mid] = topic
    with contextlib.suppress(RuntimeError):
        answers.published.wait(ANSWER_S)
    if refused := sorted(sent[mid] for mid in answers.refused & set(sent)):
        what = f"{place} forbids {user or 'us'} to publish on {', '.join(refused)}"
        return broken("broker", what, "let `moodring first-start` write its access list, or see docs/operations.md")
    return well("broker", f"{place} takes what {user or 'we'} publish")


def _topics(prefix: str, user: str) -> list[str]:
    """Return where a user has to be able to publish, at a place where nobody listens."""
    users = [user] if user in RIGHTS else [one for one in RIGHTS if one != HOME_AUTOMATION]
    channels = {channel for one in users for channel in RIGHTS[one].says}
    topics = [channel.topic(prefix).replace("+", NOBODY) for channel in channels]
    own = [SERVICE.topic(prefix, service=one).replace("+", NOBODY) for one in users if one != HOME_AUTOMATION]
    return sorted(topics) + own


def _unreachable(error: Exception, place: str) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the certificate of {place} is not trusted: {error.verify_message}"
        return broken("broker", what, "name its authority with MOODRING_MQTT_CA_FILE, and call it by the name in it")
    if isinstance(error, ssl.SSLError):
        return broken(
            "broker", f"{place} does not speak TLS: {error.reason}", "mqtt:// instead of mqtts://, or its TLS port"
        )
    return broken("broker", f"nothing answers at {place}: {error}", "start it, or correct MOODRING_MQTT_URL")
