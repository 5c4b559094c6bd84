"""What a room's policy makes of its mood: the target point, and the sentence that explains it.

Pure functions over plain values.
"""

from services.contracts.messages import Mood, MoodSource, Policy, PolicyMode
from services.contracts.moods import UNKNOWN, Point

STRENGTH = 0.75
"""How far `lift` and `calm` go from the mood to their goal: all the way would ignore the room."""
LIFT_GOAL = Point(0.8, 0.4)
CALM_GOAL = Point(0.6, -0.6)
GUIDE_GOAL = Point(0.7, 0.2)
GUIDE_S = 20 * 60
"""Time that `guide` takes to its goal: some five songs, each a step that the mood can follow."""

FAR = 0.6
"""A song this far from the goal does not sound like it: better said than claimed."""
DOUBTFUL = 0.5
"""A mood that is believed no more than this was clear before and is about to end: how sure it was is not known here."""
BRIGHT = 0.25
"""From here on an axis is called by its name; nearer to 0 it is neither."""


def mode_for(policy: Policy, mood: str) -> PolicyMode:
    """Return the mode that holds for a mood."""
    return policy.exceptions.get(mood, policy.mode)


def target(mode: PolicyMode, point: Point, since_s: float) -> Point | None:
    """Return where the music shall be for a mood at `point`, or `None` for no music.

    - `mirror`: the mood's own point.
    - `lift`: three quarters of the way to `LIFT_GOAL`; valence is never lowered.
    - `calm`: three quarters of the way to `CALM_GOAL`; arousal is never raised.
    - `guide`: the iso principle (I. M. Altshuler, "A psychiatrist's experience with music as a therapeutic agent",
      1948): music first meets the mood, then moves step by step; here in a straight line over `GUIDE_S`.

    Args:
        mode: The policy's mode.
        point: The mood's point.
        since_s: How long the mood has held, in seconds.
    """
    match mode:
        case PolicyMode.OFF:
            return None
        case PolicyMode.MIRROR:
            return point
        case PolicyMode.LIFT:
            goal = _towards(point, LIFT_GOAL, STRENGTH)
            return Point(max(point.valence, goal.valence), goal.arousal)
        case PolicyMode.CALM:
            goal = _towards(point, CALM_GOAL, STRENGTH)
            return Point(goal.valence, min(point.arousal, goal.arousal))
        case PolicyMode.GUIDE:
            goal = Point(max(point.valence, GUIDE_GOAL.valence), GUIDE_GOAL.arousal)
            return _towards(point, goal, min(max(since_s / GUIDE_S, 0), 1))


def reason(mood: Mood, mode: PolicyMode, goal: Point, playlist: str = "", distance: float = 0) -> str:
    """Return why these songs, in a person's words; `distance` is how far from the goal the first one is (0 to 2.83)."""
    if playlist:
        return f"{_cause(mood)}: the next from the playlist “{playlist}”"
    if distance > FAR:
        return f"{_cause(mood)}: the nearest song that was not heard lately"
    purpose = {
        PolicyMode.MIRROR: "to match",
        PolicyMode.LIFT: "to lift the mood",
        PolicyMode.CALM: "to settle down",
        PolicyMode.GUIDE: "on the way to a better mood",
    }
    return f"{_cause(mood)}: {_sound(goal)} song {purpose.get(mode, '')}".rstrip()


def _towards(start: Point, goal: Point, part: float) -> Point:
    return Point(*(begin + part * (end - begin) for begin, end in zip(start, goal, strict=True)))


def _cause(mood: Mood) -> str:
    if mood.source is MoodSource.OVERRIDE:
        return f"You asked for {mood.mood.replace('_', ' ')}"
    if mood.mood == UNKNOWN:
        return "The room's mood was not clear"
    if mood.confidence <= DOUBTFUL:  # it was clear, and is about to end or has
        return f"The room last seemed {mood.mood.replace('_', ' ')}"
    return f"The room seemed {mood.mood.replace('_', ' ')} ({mood.confidence * 100:.0f} %)"


def _sound(point: Point) -> str:
    if point.arousal >= BRIGHT:
        return "an energetic" if point.valence >= BRIGHT else "a restless" if point.valence > -BRIGHT else "an intense"
    if point.arousal <= -BRIGHT:
        return "a calm" if point.valence >= BRIGHT else "a quiet" if point.valence > -BRIGHT else "a wistful"
    return "a warm" if point.valence >= BRIGHT else "an easy" if point.valence > -BRIGHT else "a dark"
