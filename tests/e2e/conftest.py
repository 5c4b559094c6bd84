"""The stack that the tests of docker-compose.yml share: it is started once. And what is told where a test fails."""

from collections.abc import Generator, Iterator

import pytest

from services.contracts.messages import uuid7
from tests.compose import ADDRESS, SERVER, Stack
from tests.home_automation import Hand
from tests.product import Door


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the product said lately to the report of a test that fails."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        doors = {name: door for name, door in item.funcargs.items() if isinstance(door, Door)}
        report.sections += [(f"what {name} said lately", door.story()) for name, door in doors.items()]
    return report


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
