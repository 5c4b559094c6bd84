"""A paho-mqtt client set up as Moodring needs it."""

import contextlib
import hmac
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

KEEPALIVE_S = 15
CONNECT_TIMEOUT_S = 3.0
SESSION_S = 600
"""How long a broker keeps commands for a service that restarts. Of a group that shares a subscription it deals to those
that are away, too, for as long: who is one of a group asks for no session."""
RECEIVE_MAXIMUM = 100
"""Unacknowledged messages that a broker may send us; the rest waits there rather than here."""
QUEUE_QOS1 = 1000
ID_DIGITS = 16
"""Hexadecimal digits of a client id that nobody else can know: 64 bits."""
KERNEL_QUEUE_BYTES = 64 * 1024
"""About twenty frames' faces."""


@dataclass(frozen=True)
class Packet:
    """A message ready for the wire; `channel` is its channel's template."""

    channel: str
    topic: str
    payload: bytes
    qos: int
    retain: bool
    expires_s: int | None = None


@dataclass(frozen=True)
class Access:
    """How to reach a broker, and as whom.

    Attributes:
        url: `mqtt://[user:password@]host[:port]`, or `mqtts://…` for TLS.
        client_id: Fixed, so that the broker knows the service again; see `identity`.
        will: What the broker is to say of us when the connection breaks.
        ca_file: Authority for TLS, besides the system's.
        sessions: Whether the broker is to keep commands while we are away.
        older: Whether the broker is known to speak MQTT 3.1.1, as our own does.
    """

    url: str
    client_id: str
    will: Packet | None = None
    ca_file: Path | None = None
    sessions: bool = True
    older: bool = False

    @property
    def identity(self) -> str:
        """The client id as the broker sees it: brokers give a session to whoever names its id.

        A part of it follows from the password, so that no other user of the broker can take our place and our waiting
        commands.
        """
        password = unquote(urlsplit(self.url).password or "")
        if not password:
            return self.client_id
        return f"{self.client_id}-{hmac.digest(password.encode(), self.client_id.encode(), 'sha256').hex()[:ID_DIGITS]}"


def new_client(access: Access, protocol: MQTTProtocolVersion) -> paho.Client:
    """Return a client that is not connected; messages are acknowledged by hand, connecting again is not its job."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        access.identity,
        clean_session=None if protocol == MQTTProtocolVersion.MQTTv5 else not access.sessions,
        protocol=protocol,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    client.connect_timeout = CONNECT_TIMEOUT_S
    client.max_queued_messages_set(QUEUE_QOS1)
    client.on_socket_open = _set_up
    parts = urlsplit(access.url)
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        context = ssl.create_default_context()  # given the file, it would leave the system's authorities out
        if access.ca_file:
            context.load_verify_locations(access.ca_file)
        client.tls_set_context(context)
    if will := access.will:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    return client


def connect(client: paho.Client, access: Access) -> None:
    """Connect and start paho's thread, for who has no event loop.

    Raises:
        OSError: Nobody is there, or not who TLS says.
    """
    dial(client, access)
    client.loop_start()


def dial(client: paho.Client, access: Access) -> None:
    """Connect, as `connect`; the broker's answer is yet to be read. Blocks: not for an event loop.

    Raises:
        OSError: As there.
    """
    parts = urlsplit(access.url)
    properties = None
    if client.protocol == MQTTProtocolVersion.MQTTv5:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_S if access.sessions else 0
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
    client.connect(
        parts.hostname or "127.0.0.1",
        parts.port or (8883 if parts.scheme == "mqtts" else 1883),
        KEEPALIVE_S,
        clean_start=not access.sessions if properties else paho.MQTT_CLEAN_START_FIRST_ONLY,
        properties=properties,
    )


def send(client: paho.Client, packet: Packet) -> paho.MQTTMessageInfo:
    """Hand a packet to paho."""
    properties = None
    if packet.expires_s and client.protocol == MQTTProtocolVersion.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)
        properties.MessageExpiryInterval = packet.expires_s
    return client.publish(packet.topic, packet.payload, packet.qos, packet.retain, properties)


def _set_up(_client: paho.Client, _userdata: Any, sock: Any) -> None:
    """Switch Nagle's delay off, which adds up to 80 ms to a small message, and keep the kernel's queue short.

    What waits in the kernel for a slow broker, by default megabytes, nobody can give up again.
    """
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_QUEUE_BYTES)
