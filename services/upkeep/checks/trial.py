"""What a user of the broker has to be able to do on each topic, and what follows from trying it."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from services.contracts.channels import NOWHERE, SERVICE
from services.contracts.rights import HOME_AUTOMATION, RIGHTS, tried


class Lack(Enum):
    """A right that the broker does not grant: what cannot be done, and the word of Mosquitto's access list for it."""

    SAYING = "publish on", "write"
    SUBSCRIBING = "subscribe to", "read"
    HEARING = "hear", "read"

    def __init__(self, verb: str, right: str) -> None:
        self.verb = verb
        self.right = right


class Verdict(Enum):
    """How it is with a topic."""

    WELL = auto()
    UNANSWERED = auto()
    FORBIDDEN = auto()
    UNTRIED = auto()
    """It is to be heard, and nothing could be published to see whether it is."""
    SILENT = auto()
    """It is to be heard, is published by somebody else only, and was not."""


@dataclass
class Topic:
    """One topic: what has to be possible there, and what came of trying it.

    Attributes:
        name: The topic.
        says: Whether the user has to be able to publish on it.
        hears: Whether it has to hear it.
        tries: Whether it may publish on it only to see whether it hears it.
        saying: The broker's refusal of what was published: empty where it took it, `None` where it did not answer.
        subscribing: Its refusal of the subscription, likewise.
        came: Whether a message came.
        refusals_told: Whether the broker says what it does not take for publishing: else it may have dropped it.
    """

    name: str
    says: bool = False
    hears: bool = False
    tries: bool = False
    saying: str | None = ""
    subscribing: str | None = ""
    came: bool = False
    refusals_told: bool = True

    @property
    def published(self) -> bool:
        """Whether something is published on it here."""
        return self.says or self.tries

    @property
    def coming(self) -> bool:
        """Whether a message is to be waited for."""
        return self.hears and not self.subscribing and not self.saying

    @property
    def lacks(self) -> Collection[Lack]:
        """What the broker forbids.

        Mosquitto takes any subscription and then passes nothing on: only what comes shows that it may be heard.
        """
        found = {Lack.SAYING} if self.says and self.saying else set()
        if self.subscribing:
            found.add(Lack.SUBSCRIBING)
        elif self.coming and not self.came and (self.says or (self.tries and self.refusals_told)):
            found.add(Lack.HEARING)
        return found

    @property
    def verdict(self) -> Verdict:
        """What follows from all that."""
        if self.saying is None or self.subscribing is None:
            return Verdict.UNANSWERED
        if self.lacks:
            return Verdict.FORBIDDEN
        if self.came or not self.hears:
            return Verdict.WELL
        return Verdict.UNTRIED if self.tries else Verdict.SILENT


def topics(prefix: str, user: str, *, refusals_told: bool) -> list[Topic]:
    """Return all that is to be tried as a user; as one that is no service's, what all services do.

    It is tried at a place where nobody listens, but for topics of the whole house: who listens would take it for news,
    so nothing is published there.

    Args:
        prefix: What all topics begin with.
        user: Of the broker.
        refusals_told: Whether the broker says what it does not take for publishing.
    """
    users = [user] if user in RIGHTS else [one for one in RIGHTS if one != HOME_AUTOMATION]
    found: dict[str, Topic] = {}

    def at(name: str) -> Topic:
        return found.setdefault(name, Topic(name, refusals_told=refusals_told))

    for one in users:
        for channel in RIGHTS[one].says:
            if channel.names:
                at(channel.at_nobodys(prefix)).says = True
        if one != HOME_AUTOMATION:
            at(SERVICE.topic(prefix, service=one).replace("+", NOWHERE)).says = True
        for channel in RIGHTS[one].hears:
            at(channel.at_nobodys(prefix)).hears = True
        for channel in tried(one):
            at(channel.at_nobodys(prefix)).tries = True
    for topic in found.values():
        topic.tries = topic.tries and not topic.says  # where one user does all, what one service tries another says
    return sorted(found.values(), key=lambda topic: topic.name)
