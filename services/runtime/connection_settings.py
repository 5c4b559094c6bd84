"""The settings that say how a process is reached and what it reaches, and what compose knows of the machine."""

import contextlib
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, FilePath, field_validator, model_validator

from services.contracts.messages import Name
from services.runtime.secret_files import SecretFile, with_password
from services.runtime.section import Section

HOST_VARIABLES = frozenset(
    f"MOODRING_HOST_{name}"
    for name in (
        *("NAME", "ADDRESS", "PORT", "HTTPS_PORT", "MQTT_PORT", "MQTTS_PORT", "GRAFANA_PORT", "PROMETHEUS_PORT"),
        *("CAMERA", "CAMERA_GROUP", "CAMERA_ISOLATED", "ISOLATED", "SOUND", "SOUND_DEVICE", "SOUND_GROUP"),
        *("BROKER", "MODEL_SERVER", "SECRETS", "ENV_FILE"),
    )
)
"""What `docker-compose.yml` reads of `.env` besides settings: about the machine, so no service has a use for it."""


class Http(Section):
    """The web server of this process."""

    host: str = Field("127.0.0.1", description="Address to listen on; any other than loopback demands a token.")
    port: int | None = Field(
        None, ge=0, le=65535, description="Port; 8080 for everything or the gateway, 8081 and up for single services."
    )
    access: Literal["token", "proxy"] = Field(
        "token",
        description="Who checks callers: `token`, this process, beyond loopback; `proxy`, with a reverse proxy in "
        "front: the gateway demands a token of everybody, other services leave it to the proxy, which asks `/auth`.",
    )
    metrics_token_file: SecretFile | None = Field(
        None, description="File with a token that opens `/metrics` and nothing else: for Prometheus."
    )


class Mqtt(Section):
    """The message bus."""

    url: str = Field(
        "embedded:",
        description="`mqtt://[user:password@]host[:port]`, `mqtts://…` for TLS, or `embedded:` for a broker of our own "
        "on loopback (one process only).",
    )
    prefix: Name = Field("moodring", description="First level of every topic; two homes on one broker use two.")
    password_file: SecretFile | None = Field(
        None, description="File with the password, where `url` names a user and no password."
    )
    ca_file: FilePath | None = Field(
        None, description="Authority that signed the broker's certificate, for `mqtts://`."
    )

    @field_validator("url")
    @classmethod
    def _is_broker(cls, url: str) -> str:
        if url == "embedded:":
            return url
        parts = urlsplit(url)
        with contextlib.suppress(ValueError):  # it would say a part of a password that is taken for a port
            if parts.scheme in {"mqtt", "mqtts"} and parts.hostname and parts.port != 0:
                return url
        raise ValueError("it has to be mqtt://host[:port], mqtts://host[:port] for TLS, or embedded:")

    @model_validator(mode="after")
    def _add_password(self) -> Self:
        object.__setattr__(self, "url", with_password(self.url, self.password_file))  # frozen for everyone else
        return self


class Traces(Section):
    """Traces by OpenTelemetry, one for each decision."""

    endpoint: str = Field(
        "", description="Where they are sent, such as `http://collector:4318/v1/traces`; none are made without it."
    )


def at(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
