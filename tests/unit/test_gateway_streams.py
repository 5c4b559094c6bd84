from services.contracts.messages import Event, EventType
from services.gateway.state import Change
from services.gateway.streams import MAX_EVENTS, Stream
from tests.unit import gateway_doubles as make

HOME = {"room": "home"}


def happening(number: int, room: str = "home") -> Change:
    return Change("event", {"room": room}, Event(type=EventType.PROBLEM, after={"text": str(number)}))


async def read(stream: Stream) -> list[Change]:
    stream.close()
    return [change async for change in stream]


async def test_changes_come_in_order() -> None:
    stream = Stream([Change("mood", HOME, make.mood())])
    stream.put(happening(1))
    stream.put(Change("player", HOME, make.player()))
    assert [change.name for change in await read(stream)] == ["mood", "event", "player"]


async def test_a_slow_listener_gets_a_state_once_as_it_is_last() -> None:
    stream = Stream()
    for word in ("sad", "angry", "happy"):
        stream.put(Change("mood", HOME, make.mood(word)))
    assert [change.message for change in await read(stream)] == [make.mood("happy")]


async def test_a_slow_listener_loses_the_oldest_events_but_no_state() -> None:
    stream = Stream([Change("mood", HOME, make.mood())])
    events = [happening(number) for number in range(MAX_EVENTS + 50)]
    for event in events:
        stream.put(event)
    got = await read(stream)
    assert got[0].name == "mood"
    assert got[1:] == events[-MAX_EVENTS:]


async def test_a_stream_of_one_room_leaves_others_out_but_has_the_services() -> None:
    stream = Stream(room="home")
    stream.put(happening(1, room="garden"))
    stream.put(happening(2))
    stream.put(Change("service", {"service": "camera", "instance": "a"}, make.status()))
    assert [change.name for change in await read(stream)] == ["event", "service"]


async def test_a_closed_stream_ends_after_what_still_waited() -> None:
    stream = Stream([Change("mood", HOME, make.mood())])
    assert len(await read(stream)) == 1
    assert await read(stream) == []
