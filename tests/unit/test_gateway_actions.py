"""What a person does on the dashboard, on its way to REST."""

import asyncio
import json

import httpx
import pytest
from nicegui import ui

from services.contracts.messages import PlayerAction
from services.gateway.pages.actions import Actions


async def test_what_is_done_in_a_row_arrives_in_that_row() -> None:
    heard: list[float] = []
    first_may_answer = asyncio.Event()

    async def player(request: httpx.Request) -> httpx.Response:
        value = json.loads(request.content)["value"]
        if value == 5:
            await first_may_answer.wait()
        heard.append(value)
        return httpx.Response(202)

    async with httpx.AsyncClient(transport=httpx.MockTransport(player), base_url="http://gateway") as api:
        actions = Actions(lambda: api, "home")
        both = [asyncio.create_task(actions.tell_player(PlayerAction.SEEK, value)) for value in (5, 10)]
        for _ in range(10):
            await asyncio.sleep(0)
        first_may_answer.set()
        assert await asyncio.gather(*both) == [True, True]
    assert heard == [5, 10]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("refused"), "That did not work: nothing answers. Try again in a moment."),
        (httpx.ReadTimeout("late"), "No answer came; it may be done all the same. Look again in a moment."),
    ],
)
async def test_a_call_that_may_have_been_heard_is_not_called_a_failure(
    error: httpx.HTTPError, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    told: list[str] = []
    monkeypatch.setattr(ui, "notify", lambda text, **_: told.append(text))
    async with httpx.AsyncClient(transport=httpx.MockTransport(fail), base_url="http://gateway") as api:
        assert not await Actions(lambda: api, "home").tell_player(PlayerAction.SEEK, 5)
    assert told == [said]
