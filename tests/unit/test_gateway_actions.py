"""What a person does on the dashboard, on its way to REST."""

import asyncio
import json

import httpx

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
