"""The way of a frame, told in parts."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from services.aggregator.sight import PARTS, sight
from services.contracts.moodring_pb2 import Expressions, Timings

CAPTURED_S = 1_790_000_000.0


@pytest.mark.parametrize(
    ("heard_after_s", "offset_s", "arriving_ms", "ends"),
    [
        (0.5, 0.0, 100, [0.1, 0.12, 0.15, 0.25, 0.5]),
        (0.2, 0.0, 100, [0.1, 0.12, 0.15, 0.2, 0.2]),  # clocks that differ: nothing ends after it was here
        (0.5, 0.25, -40, [0.25, 0.27, 0.3, 0.4, 0.5]),  # nor before it began
        (-3.0, 0.0, 100, [-3.0] * 5),  # seen in a time that has not come yet
    ],
)
def test_the_parts_of_a_way_follow_each_other(
    heard_after_s: float, offset_s: float, arriving_ms: float, ends: list[float]
) -> None:
    timings = Timings(arriving=arriving_ms, waiting=20, decoding=30, predicting=100)
    message = Expressions(frame_id="f", captured_at=Timestamp(seconds=int(CAPTURED_S)), timings=timings)
    parts = list(sight(message, "door", offset_s, CAPTURED_S + heard_after_s).parts())
    assert tuple((service, name) for service, name, _, _ in parts) == PARTS
    assert [ended_s - CAPTURED_S for *_, ended_s in parts] == pytest.approx(ends, abs=1e-5)
    assert [began_s for *_, began_s, _ in parts[1:]] == [ended_s for *_, ended_s in parts[:-1]]
