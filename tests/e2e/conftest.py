"""The stack that the tests of docker-compose.yml share: it is started once."""

from collections.abc import Iterator

import pytest

from services.contracts.messages import uuid7
from tests.compose import ADDRESS, SERVER, Stack
from tests.home_automation import Hand


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole house, healthy."""
    name = f"moodring-test-{uuid7().hex[-6:]}"
    told = {"HOST_MODEL_SERVER": "light", "HOST_NAME": SERVER, "HOST_ADDRESS": ADDRESS}
    with Stack(name, tmp_path_factory.mktemp("compose"), **told) as running:
        yield running


@pytest.fixture
def hand(stack: Stack) -> Iterator[Hand]:
    """Home automation, connected."""
    opened = Hand(stack)
    yield opened
    opened.close()
