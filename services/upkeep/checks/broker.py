"""The doctor's check of the broker: connection, login, and whether we may hear and say what we have to."""

import queue
import secrets
import ssl
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion

from services.contracts.channels import NOWHERE
from services.contracts.rights import RIGHTS
from services.runtime.mqtt_client import Access, connect, new_client
from services.runtime.settings import Settings, redact
from services.upkeep.checks import trial
from services.upkeep.checks.trial import Lack, Topic, Verdict
from services.upkeep.findings import Finding, broken, by_way, correct, doubtful, skipped, way_out, well

ANSWER_S = 5.0
OURS = "mosquitto"
"""What the broker of the stack is called in its network."""


class _Conversation:
    """One connection, and what the broker answers in it; answers to a packet go by its kind and number."""

    def __init__(self, access: Access, protocol: MQTTProtocolVersion) -> None:
        self.client = new_client(access, protocol)
        self._answers: queue.SimpleQueue[tuple[str, Any, str]] = queue.SimpleQueue()
        self._said: dict[tuple[str, Any], str] = {}
        self._over = False
        self._word = secrets.token_hex(8).encode()
        self.client.on_connect = lambda _c, _u, _f, code, _p: self._note("connect", "", code)
        self.client.on_disconnect = lambda _c, _u, _f, code, _p: self._note("end", "", code)
        self.client.on_publish = lambda _c, _u, mid, code, _p: self._note("publish", mid, code)
        self.client.on_subscribe = lambda _c, _u, mid, codes, _p: self._note("subscribe", mid, codes[0])
        self.client.on_message = self._hear

    @property
    def tells_refusals(self) -> bool:
        """Whether the broker says what it does not take for publishing: MQTT 3.1.1 has no word for it."""
        return self.client.protocol == MQTTProtocolVersion.MQTTv5

    def _note(self, kind: str, about: Any, code: Any) -> None:
        self._answers.put((kind, about, str(code) if code.is_failure else ""))

    def _hear(self, client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        client.ack(message.mid, message.qos)
        self._answers.put(("message", (message.topic, message.payload == self._word), ""))

    def wait(self, kind: str, awaited: Iterable[Any]) -> dict[Any, str | None]:
        """Return what the broker said of each of these: empty where it was well, `None` where nothing came."""
        keys = {about: (kind, about) for about in awaited}
        deadline = time.monotonic() + ANSWER_S
        while not self._over and not self._said.keys() >= set(keys.values()):
            try:
                found, about, refusal = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            self._said[found, about] = refusal
            self._over = found == "end"
        return {about: self._said.get(key) for about, key in keys.items()}

    def try_all(self, topics: list[Topic]) -> None:
        """Subscribe and publish as each topic asks for, and note what comes of it.

        What others try at the same time comes too: where we published, only our own word counts.
        """
        asked = {self.client.subscribe(one.name, 1)[1]: one for one in topics if one.hears}
        for mid, refusal in self.wait("subscribe", asked).items():
            asked[mid].subscribing = refusal
        sent = {self.client.publish(one.name, self._word, 1).mid: one for one in topics if one.published}
        for mid, refusal in self.wait("publish", sent).items():
            sent[mid].saying = refusal
        coming = {(one.name, one.published): one for one in topics if one.coming}
        for message, refusal in self.wait("message", coming).items():
            coming[message].came = refusal is not None


def broker(settings: Settings) -> Finding:
    """Connect as this process would, and try to hear and say everything that its user has to."""
    if settings.mqtt.url == "embedded:":
        return skipped("broker", "the embedded one is used, which runs with Moodring")
    place = redact(settings.mqtt.url)
    name = f"{settings.mqtt.prefix}-doctor-{secrets.token_hex(8)}"
    access = Access(settings.mqtt.url, name, ca_file=settings.mqtt.ca_file, sessions=False)
    try:
        return _examine(settings, access, MQTTProtocolVersion.MQTTv5, place) or (
            _examine(settings, access, MQTTProtocolVersion.MQTTv311, place)
            or broken("broker", f"{place} takes the connection and is no broker", _elsewhere(settings))
        )
    except (OSError, ValueError) as error:
        return _unreachable(settings, error, place)


def _examine(settings: Settings, access: Access, protocol: MQTTProtocolVersion, place: str) -> Finding | None:
    """Return what is found in one version of MQTT; `None` where the broker does not speak it."""
    conversation = _Conversation(access, protocol)
    try:
        connect(conversation.client, access)
        refusal = conversation.wait("connect", [""])[""]
        if refusal is None or "protocol" in refusal.lower():
            return None
        user = urlsplit(access.url).username
        if refusal:
            what = f"{place} does not let {user or 'nobody (no user is named)'} in: {refusal}"
            alone = "correct user and password in MOODRING_MQTT_URL or MOODRING_MQTT_PASSWORD_FILE"
            anew = f"docker compose exec {settings.container} rm /data/secrets/mqtt && docker compose up -d && docker"
            own = (
                f"have its password made anew: `{anew} compose restart mosquitto {settings.container}`; where the "
                "broker is your own, give it the passwords again (docs/operations.md)"
            )
            return broken("broker", what, by_way(settings, alone, own))
        return _rights(settings, conversation, user or "", place)
    finally:
        conversation.client.disconnect()
        conversation.client.loop_stop()


def _rights(settings: Settings, conversation: _Conversation, user: str, place: str) -> Finding:
    """Try everything: a broker may refuse a subscription, a publication, or quietly let nothing through."""
    topics = trial.topics(settings.mqtt.prefix, user, refusals_told=conversation.tells_refusals)
    conversation.try_all(topics)
    by_verdict = {verdict: [one.name for one in topics if one.verdict is verdict] for verdict in Verdict}
    if mute := by_verdict[Verdict.UNANSWERED]:
        log = by_way(settings, "its log says why (`journalctl -u mosquitto`)", "`docker compose logs mosquitto`")
        return broken("broker", f"{place} does not confirm {', '.join(mute)}", f"{log}; or start it again")
    lacking = [(lack, one.name) for lack in Lack for one in topics if lack in one.lacks]
    if lacking:
        first, _ = lacking[0]
        names = ", ".join(name for lack, name in lacking if lack is first)
        lines = [f"topic {lack.right} {name.replace(NOWHERE, '+')}" for lack, name in lacking]
        what = f"{place} forbids {user or 'us'} to {first.verb} {names}"
        return broken("broker", what, _allow(settings, user, lines))
    lets_in = f"{place} lets {user or 'us'} in and takes all that is to be published there"
    if untried := by_verdict[Verdict.UNTRIED]:
        what = f"{lets_in}; whether it passes on {', '.join(untried)} could not be tried"
        return doubtful("broker", what, _allow(settings, user, [f"topic write {topic}" for topic in untried]))
    if silent := by_verdict[Verdict.SILENT]:
        start = "inference says it at each start: start it, and ask again"
        lacks = _allow(settings, user, [f"topic read {topic}" for topic in silent])
        return doubtful("broker", f"{lets_in}; nothing came of {', '.join(silent)}", f"{start}; else {lacks}")
    return well("broker", f"{lets_in}, and passes on all that is to be heard")


def _allow(settings: Settings, user: str, lines: list[str]) -> str:
    """Return how the broker is made to allow what these lines of Mosquitto's access list would."""
    if user not in RIGHTS:  # one login for everything
        lines = [f"topic readwrite {settings.mqtt.prefix}/#"]
    missing = f"its acl_file lacks, below `user {user or 'NAME'}`: {', '.join(f'`{line}`' for line in lines)}"
    if settings.container and urlsplit(settings.mqtt.url).hostname == OURS:
        return f"have ours read its list again: `docker compose up -d && docker compose restart mosquitto`; {missing}"
    copy = "`docker compose cp mosquitto:/mosquitto/data/acl moodring.acl` gives the whole list; "
    read = "when it has them, have it read them (Mosquitto: `sudo systemctl reload mosquitto`)"
    return f"{missing}; {by_way(settings, '', copy)}{read}"


def _unreachable(settings: Settings, error: Exception, place: str) -> Finding:
    if isinstance(error, ssl.SSLCertVerificationError):
        what = f"the certificate of {place} is not trusted: {error.verify_message}"
        named = "where its authority is known, call the broker by the name in its certificate"
        return broken("broker", what, f"{correct(settings, 'MOODRING_MQTT_CA_FILE')}; {named}")
    if isinstance(error, ssl.SSLError):
        what = f"{place} does not speak TLS: {error.reason}"
        return broken("broker", what, f"{_elsewhere(settings)} (mqtt:// instead of mqtts://, or its port for TLS)")
    alone = "start it (`sudo systemctl start mosquitto`), or correct MOODRING_MQTT_URL"
    own = f"`docker compose up -d mosquitto`; where it is your own one, {way_out()}"
    return broken("broker", f"nothing answers at {place}: {error}", by_way(settings, alone, own))


def _elsewhere(settings: Settings) -> str:
    return correct(settings, "MOODRING_MQTT_URL", "MOODRING_HOST_BROKER or MOODRING_MQTT_URL")
