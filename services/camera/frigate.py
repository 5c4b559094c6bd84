"""The people that Frigate has found already: its snapshots of persons and faces, from its MQTT topics.

Topics, and what they hold: https://docs.frigate.video/integrations/mqtt/. Snapshots are retained, so the first ones may
be from yesterday: only those that come while we listen are looked at.
"""

import logging
import threading
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTProtocolVersion

from services.camera.inbox import Inbox
from services.camera.sources import READ_TIMEOUT_S, SourceError
from services.camera.still import decode_still
from services.contracts.messages import uuid7
from services.runtime.logs import Throttle
from services.runtime.mqtt_client import Access, connect, new_client
from services.runtime.service import SetupError
from services.runtime.settings import redact
from services.vision.images import PHOTO, BadImageError, Bgr

log = logging.getLogger(__name__)

OBJECTS: Final = ("person", "face")
"""The objects whose snapshots hold faces; `face` is one of its own where a model for it is installed."""
ANSWER_S: Final = 5.0
"""How long broker and Frigate may take to say that they are there."""


class Frigate:
    """One of Frigate's cameras.

    Args:
        url: `frigate://[user:password@]broker[:port]/camera[?prefix=frigate]`, or `frigates://…` for TLS; `prefix` is
            Frigate's `mqtt.topic_prefix`.

    Raises:
        SetupError: The address names no broker or no camera.
    """

    live = True
    scene = 0
    sparse = True

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._name = redact(url)
        self._camera = unquote(parts.path.strip("/"))
        prefix = parse_qs(parts.query).get("prefix", ["frigate"])[0]
        if not parts.hostname or not self._camera or any(each in self._camera + prefix for each in "+#"):
            raise SetupError(f"camera.source: {self._name} has to be frigate://[user:password@]broker[:port]/camera")
        self._broker = parts._replace(
            scheme="mqtts" if parts.scheme == "frigates" else "mqtt", path="", query=""
        ).geturl()
        self._available = f"{prefix}/available"
        self._detects = f"{prefix}/{self._camera}/detect/state"
        self._snapshots = tuple(f"{prefix}/{self._camera}/{each}/snapshot" for each in OBJECTS)
        self._pictures: Inbox[bytes] = Inbox()
        self._throttle = Throttle()
        self._changed = threading.Condition()
        self._online = False
        self._problem = ""
        self._client: paho.Client | None = None

    def open(self) -> None:
        """Connect to the broker, and see that Frigate is there."""
        self._online, self._problem = False, ""
        self._pictures.clear()
        access = Access(self._broker, f"moodring-frigate-{uuid7().hex[-12:]}", sessions=False)
        client = self._client = new_client(access, MQTTProtocolVersion.MQTTv311)
        client.on_disconnect = lambda *_: self._fail("hung up")
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_message = self._received
        try:
            connect(client, access)
        except (OSError, ValueError) as error:
            self.close()
            raise SourceError(f"The broker of {self._name} does not answer: {error}.") from error
        with self._changed:
            self._changed.wait_for(lambda: self._online or self._problem, ANSWER_S)
        if not self._online:
            self._fail(f"does not say that Frigate is there: nothing is at {self._available}")
            self.close()
            raise SourceError(self._problem)

    def read(self) -> Bgr | None:
        """Return the next snapshot; `None` where nobody was seen for a second."""
        picture = self._pictures.take(READ_TIMEOUT_S)
        if self._problem:
            raise SourceError(self._problem)
        try:
            return None if picture is None else decode_still(picture)
        except BadImageError as error:
            if self._throttle.count(self._name):
                log.warning("a snapshot of %s cannot be used: %s", self._name, error)
            return None

    def close(self) -> None:
        """Leave the broker."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()
        self._pictures.clear()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            self._fail(f"says: {code}")
        else:
            client.subscribe([(topic, 0) for topic in (self._available, self._detects, *self._snapshots)])

    def _subscribed(self, _client: paho.Client, _data: Any, _id: int, codes: list[Any], _properties: Any) -> None:
        if refused := [code for code in codes if code.is_failure]:
            self._fail(f"does not let us read {self._available}, {self._snapshots[0]} and the like: {refused[0]}")

    def _received(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic in self._snapshots:
            if not message.retain and len(message.payload) <= PHOTO.max_bytes:
                self._pictures.put(bytes(message.payload))
        elif message.topic == self._available and message.payload == b"online":
            with self._changed:
                self._online = True
                self._changed.notify_all()
        elif message.topic == self._available:
            self._fail("says that Frigate has stopped")
        elif message.payload == b"OFF":
            self._fail(f"says that Frigate does not look at {self._camera}: switch its detection on")

    def _fail(self, what: str) -> None:
        with self._changed:
            self._problem = self._problem or f"The broker of {self._name} {what}."
            self._changed.notify_all()
