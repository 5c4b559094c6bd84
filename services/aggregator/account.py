"""What a replay comes to, in lines for people. Pure."""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime

from services.aggregator.measures import Tally
from services.aggregator.replay import Look
from services.contracts.moods import UNKNOWN

UNTAUGHT = (
    "decided as in a room that was taught nothing, neither a resting face nor answers; --calibration FILE takes what "
    "GET /api/rooms/{room}/calibration says of it"
)


def told(looks: Sequence[Look], deadline_s: float, *, taught: bool = False) -> Iterator[str]:
    """Yield a line for each decision, and what they come to.

    Args:
        looks: At least one.
        deadline_s: Time within which a true change is to be recognised.
        taught: Whether they were decided with what the room was taught.
    """
    before = None
    for look in looks:
        mood = look.mood
        if mood.mood != before:
            before = mood.mood
            clock = datetime.fromtimestamp(look.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
            truth = f", truly {look.truth}" if look.truth else ""
            sure = "of the likeliest" if mood.mood == UNKNOWN else "sure"
            yield (
                f"{clock}  {mood.mood:13}{mood.confidence:5.0%} {sure}, {mood.people} there, {mood.samples} samples, "
                f"valence {mood.valence:+.2f}, arousal {mood.arousal:+.2f}{truth}"
            )
    shares = {mood: sum(look.mood.mood == mood for look in looks) / len(looks) for mood in {x.mood.mood for x in looks}}
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    yield f"{len(looks)} s: " + ", ".join(f"{mood} {share:.0%}" for mood, share in ranked)
    known = [look for look in looks if look.truth]
    if known:
        yield measured(known, deadline_s)
    elif not taught:
        yield UNTAUGHT


def measured(looks: Sequence[Look], deadline_s: float) -> str:
    """Say how well the moods follow the true ones."""
    truth = [look.truth or "" for look in looks]
    tally = Tally(deadline_s, dict.fromkeys({*truth} - {UNKNOWN}, 1.0))
    tally.add(truth, [look.mood.mood for look in looks])
    text = (
        f"against the truth: {tally.flaps_per_hour:.1f} flaps an hour, wrong {tally.time_wrong:.1%}, "
        f"unknown {tally.time_unknown:.1%} of the time"
    )
    if not tally.delays:
        return text
    recognised = f"{tally.recognised_in_time:.0%} of {len(tally.delays)} changes recognised within {deadline_s:g} s"
    late = f"95 % within {tally.delay_p95_s:g} s" if math.isfinite(tally.delay_p95_s) else "over 5 % never"
    return f"{text}; {recognised}, {late}"
