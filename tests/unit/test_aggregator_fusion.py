import dataclasses
from collections.abc import Sequence

import pytest

from services.aggregator.decision import Decision, decide
from services.aggregator.fusion import Evidence
from services.aggregator.people import point
from services.aggregator.rules import Rules
from services.aggregator.window import TrackEvidence
from services.contracts.moods import EXPRESSION_POINTS, EXPRESSIONS, NOBODY, UNKNOWN
from tests.unit.aggregator_doubles import START, fused, shows, sure

RULES = Rules(min_samples=15, enter_confidence=0.6, leave_confidence=0.35, dwell_s=5, nobody_after_s=30, window_s=15)


def track(mood: str, *, weight: float = 10, samples: int = 50, last_at: float = START) -> TrackEvidence:
    return TrackEvidence(sure(mood), weight, samples, last_at, slices=shows(mood))


def evidence(*, samples: int = 50, **distribution: float) -> Evidence:
    return Evidence(distribution, samples, 1, belief=distribution)


def look(
    before: Decision,
    what: Evidence,
    second: int,
    *,
    faceless_s: float = 0,
    seeing: bool | None = True,
    rules: Rules = RULES,
) -> Decision:
    """Look at evidence in a second of the test, with a face just now or a while ago."""
    now = START + second
    return decide(before, what, rules, now=now, last_face_at=now - faceless_s, seeing=seeing)


def settle(
    before: Decision, what: Evidence, *, faceless_s: float = 0, seeing: bool | None = True, rules: Rules = RULES
) -> Decision:
    """Show the same evidence for longer than the dwell."""
    for second in range(8):
        before = look(before, what, second, faceless_s=faceless_s, seeing=seeing, rules=rules)
    return before


def test_the_room_is_the_mean_of_its_tracks() -> None:
    room = fused([track("happy"), track("sad")], START)
    one, two = sure("happy"), sure("sad")
    assert room.distribution == pytest.approx({label: (one[label] + two[label]) / 2 for label in EXPRESSIONS})


def test_who_is_seen_more_often_hardly_counts_more() -> None:
    alike, unlike = (fused([track("happy", weight=weight), track("sad", weight=4)], START) for weight in (4, 12))
    assert unlike.distribution["happy"] / alike.distribution["happy"] < 1.1


def test_who_is_only_glimpsed_counts_little() -> None:
    room = fused([track("happy", weight=10), track("sad", weight=0.1, samples=1)], START)
    assert room.distribution["happy"] > 4 * room.distribution["sad"]


def test_only_who_is_there_now_is_counted() -> None:
    assert fused([track("happy"), track("happy", last_at=START - 6)], START).people == 1


def test_nothing_seen_is_nothing_known() -> None:
    assert fused([], START) == Evidence()
    worthless = fused([TrackEvidence({}, 0, 20, START)], START)
    assert (worthless.distribution, worthless.confidence("happy"), worthless.leader) == ({}, 0, UNKNOWN)


@pytest.mark.parametrize("label", EXPRESSIONS)
def test_a_certain_expression_lies_at_its_own_point(label: str) -> None:
    assert point({label: 1.0}) == pytest.approx(EXPRESSION_POINTS[label])


def test_the_point_is_the_expectation_over_the_distribution() -> None:
    assert point({"happy": 0.5, "sad": 0.5}) == pytest.approx((0.09, 0.12))


@pytest.mark.parametrize(
    ("before", "what", "after"),
    [
        # Entering takes enough samples, enough confidence and a lead.
        (UNKNOWN, evidence(happy=0.6, neutral=0.3), "happy"),
        (UNKNOWN, evidence(happy=0.59, neutral=0.3), UNKNOWN),
        (UNKNOWN, evidence(happy=0.9, samples=14), UNKNOWN),
        (UNKNOWN, evidence(happy=0.51, sad=0.49), UNKNOWN),
        (UNKNOWN, evidence(), UNKNOWN),
        # Once entered, a mood stays at a lower confidence, as long as it leads.
        ("happy", evidence(happy=0.51, neutral=0.3), "happy"),
        ("happy", evidence(happy=0.34, neutral=0.3), UNKNOWN),
        # Where nothing leads for the dwell, or another that is not sure, nothing is known.
        ("happy", evidence(happy=0.36, neutral=0.3), UNKNOWN),
        ("happy", evidence(happy=0.40, neutral=0.49), UNKNOWN),
        ("happy", evidence(happy=0.45, neutral=0.52), UNKNOWN),
        ("happy", evidence(happy=0.30, neutral=0.49), UNKNOWN),
        # A clearer one takes its place, where nearly nothing speaks for the one before.
        ("happy", evidence(happy=0.36, neutral=0.64), "neutral"),
        ("happy", evidence(happy=0.42, neutral=0.58), UNKNOWN),
        ("happy", evidence(happy=0.1, neutral=0.9), "neutral"),
        ("happy", evidence(sad=0.7), "sad"),
        # What explains all that was seen, but was hardly seen itself, is not entered.
        (UNKNOWN, Evidence({"sad": 0.05, "neutral": 0.95}, 50, 1, belief={"sad": 1, "neutral": 0}), UNKNOWN),
        # Who turns away for longer than the window is no longer known.
        ("happy", evidence(samples=0), UNKNOWN),
        # Back from an empty room.
        (NOBODY, evidence(happy=0.9), "happy"),
        (NOBODY, evidence(happy=0.4, sad=0.4), UNKNOWN),
        (NOBODY, evidence(happy=0.9, samples=2), UNKNOWN),
    ],
)
def test_what_is_decided_of_steady_evidence(before: str, what: Evidence, after: str) -> None:
    last = before if before in EXPRESSIONS else None
    assert settle(Decision(before, START - 100, last=last), what).mood == after


@pytest.mark.parametrize(
    ("before", "faceless_s", "seeing", "after"),
    [
        (UNKNOWN, 30, True, NOBODY),
        ("happy", 30, True, NOBODY),
        ("happy", 10, True, UNKNOWN),
        # Who cannot see does not know.
        ("happy", 1000, False, UNKNOWN),
        (UNKNOWN, 1000, None, UNKNOWN),
        (NOBODY, 1000, False, UNKNOWN),
        (NOBODY, 1000, True, NOBODY),
    ],
)
def test_what_is_decided_without_faces(before: str, faceless_s: float, seeing: bool | None, after: str) -> None:
    decision = settle(Decision(before, START - 100), evidence(samples=0), faceless_s=faceless_s, seeing=seeing)
    assert decision.mood == after


@pytest.mark.parametrize(
    ("what", "faceless_s", "seeing", "after"),
    [
        (evidence(samples=0), 5, True, "sad"),
        (evidence(samples=0), 5, None, "sad"),
        (evidence(happy=0.9, samples=14), 0, True, "sad"),
        (evidence(happy=0.9), 0, True, "happy"),
        (evidence(happy=0.4, sad=0.3), 0, True, UNKNOWN),
        (evidence(samples=0), 30, True, NOBODY),
        (evidence(samples=0), 5, False, UNKNOWN),
    ],
)
def test_a_mood_from_before_a_restart_stands_until_there_is_evidence(
    what: Evidence, faceless_s: float, seeing: bool | None, after: str
) -> None:
    restored = Decision("sad", START - 100, last="sad", restored=True)
    assert settle(restored, what, faceless_s=faceless_s, seeing=seeing).mood == after


def test_a_mood_that_met_evidence_is_a_mood_like_any_other() -> None:
    decision = settle(Decision("sad", START - 100, last="sad", restored=True), evidence(sad=0.9))
    assert decision == Decision("sad", START - 100, last="sad")
    assert settle(decision, evidence(samples=0), faceless_s=5).mood == UNKNOWN


def test_a_mood_is_entered_after_its_dwell() -> None:
    decision = Decision(UNKNOWN, START - 100)
    moods = []
    for second in range(7):
        decision = look(decision, evidence(happy=0.9), second)
        moods.append(decision.mood)
    assert moods == [UNKNOWN] * 5 + ["happy"] * 2
    assert decision.since == START + 5


@pytest.mark.parametrize(
    ("unseen", "second"),
    [(range(0), 5), (range(3, 5), 7), (range(5, 9), 9), (range(3, 40), 42), ((2, 4, 6, 8), 9)],
    ids=["always seen", "gone for a moment", "gone as it was due", "gone for long", "now and then"],
)
def test_time_without_a_face_is_no_time_that_a_mood_has_led_for(unseen: Sequence[int], second: int) -> None:
    decision, entered = Decision(UNKNOWN, START - 100), []
    for number in range(50):
        decision = look(decision, evidence(happy=0.9), number, faceless_s=3 if number in unseen else 0.2)
        entered += [number] if decision.mood == "happy" else []
    assert entered[0] == second


def test_a_mood_that_leads_first_while_no_face_is_seen_has_led_for_no_time() -> None:
    decision = Decision(UNKNOWN, START - 100)
    for second in range(20):
        decision = look(decision, evidence(happy=0.9) if second > 3 else evidence(sad=0.5), second, faceless_s=3)
    moods = [(decision := look(decision, evidence(happy=0.9), second)).mood for second in range(20, 27)]
    assert moods == [UNKNOWN] * 5 + ["happy"] * 2


def test_a_mood_is_given_up_while_no_face_is_seen() -> None:
    assert settle(Decision("happy", START - 100, last="happy"), evidence(samples=3), faceless_s=4).mood == UNKNOWN


@pytest.mark.parametrize(("window_s", "min_samples", "lost_s"), [(15, 15, 2), (60, 15, 8), (15, 2, 15), (5, 15, 2)])
def test_a_face_is_lost_by_how_seldom_it_may_be_seen(window_s: float, min_samples: int, lost_s: float) -> None:
    assert dataclasses.replace(RULES, window_s=window_s, min_samples=min_samples).lost_s == lost_s


def test_a_mood_that_does_not_lead_for_a_moment_stays() -> None:
    decision = Decision("happy", START - 100, last="happy")
    for second in range(60):
        what = evidence(happy=0.9) if second % 5 == 0 else evidence(happy=0.36, neutral=0.6)
        decision = look(decision, what, second)
        assert decision.mood == "happy"


def test_a_mood_that_leads_is_entered_as_soon_as_it_is_sure() -> None:
    decision = Decision(UNKNOWN, START - 100)
    moods = []
    for second, confidence in enumerate([0.53] * 7 + [0.6]):
        what = evidence(happy=confidence, sad=1 - confidence)
        decision = look(decision, what, second)
        moods.append(decision.mood)
    assert moods == [UNKNOWN] * 7 + ["happy"]


def test_a_mood_that_is_sure_but_has_led_only_now_and_then_is_not_entered() -> None:
    decision = Decision(UNKNOWN, START - 100)
    for second in range(60):
        what = evidence(happy=0.9) if second % 4 else evidence(happy=0.5, sad=0.5)
        decision = look(decision, what, second)
    assert decision.mood == UNKNOWN


@pytest.mark.parametrize(
    ("doubt", "after"),
    [
        (evidence(happy=0.5, sad=0.3), "happy"),
        (evidence(happy=0.4, sad=0.3, neutral=0.3), "happy"),
        (evidence(happy=0.3, sad=0.4), UNKNOWN),
        (evidence(sad=0.6, happy=0.3), UNKNOWN),
        (evidence(happy=0.9, samples=14), UNKNOWN),
        (evidence(), UNKNOWN),
    ],
)
def test_a_moment_of_doubt_costs_a_candidate_its_time_only_where_it_is_not_believed_most(
    doubt: Evidence, after: str
) -> None:
    decision = Decision(UNKNOWN, START - 100)
    for second in range(7):
        what = doubt if second == 3 else evidence(happy=0.9)
        decision = look(decision, what, second)
    assert decision.mood == after


def test_a_candidate_in_doubt_is_not_entered_and_ends_what_was_before_it_all_the_same() -> None:
    decision = Decision("sad", START - 100, last="sad")
    for second in range(20):
        what = evidence(happy=0.5, sad=0.4) if second else evidence(happy=0.9)
        decision = look(decision, what, second)
    assert (decision.mood, decision.candidate) == (UNKNOWN, "happy")


def test_a_mood_that_leads_loses_no_time_by_not_standing_out_yet() -> None:
    vague = Evidence({"neutral": 0.5, "happy": 0.48}, 50, 1, belief={"happy": 0.9, "neutral": 0.1})
    decision = Decision("neutral", START - 100, last="neutral")
    moods = []
    for second in range(8):
        what = evidence(happy=0.9) if second >= 6 else vague
        decision = look(decision, what, second)
        moods.append(decision.mood)
    assert "happy" not in moods[:6]
    assert moods[6:] == ["happy", "happy"]


def entered_at(before: Decision, confidences: list[float]) -> int | None:
    """Return when a mood is entered that is believed so from second to second, and has to be sure for three."""
    steady = dataclasses.replace(RULES, sure_s=3)
    for second, confidence in enumerate(confidences):
        what = evidence(happy=confidence, neutral=1 - confidence)
        before = look(before, what, second, rules=steady)
        if before.mood == "happy":
            return second
    return None


@pytest.mark.parametrize(
    ("confidences", "second"),
    [
        ([0.9] * 20, 5),
        ([0.55] * 8 + [0.9] * 12, 11),
        ([0.55] * 4 + [0.9] * 12, 7),
        ([0.9] * 4 + [0.55] + [0.9] * 15, 8),
        (([0.9] * 3 + [0.55]) * 5, None),
    ],
)
def test_a_mood_that_follows_another_has_to_be_sure_for_a_while(confidences: list[float], second: int | None) -> None:
    assert entered_at(Decision("sad", START - 100, last="sad"), confidences) == second
    assert entered_at(Decision(UNKNOWN, START - 100, last="sad"), confidences) == second


def test_a_first_mood_is_entered_as_soon_as_it_is_sure() -> None:
    assert entered_at(Decision(UNKNOWN, START - 100), [0.55] * 8 + [0.9]) == 8
    assert entered_at(Decision(NOBODY, START - 100), [0.55] * 8 + [0.9]) == 8


def test_a_mood_comes_back_only_above_what_it_is_left_at() -> None:
    anxious = dataclasses.replace(RULES, enter_confidence=0.9, leave_confidence=0.7)
    decision, moods = Decision("happy", START - 100, last="happy"), []
    for second in range(20):
        what = evidence(happy=0.6, sad=0.4)
        decision = look(decision, what, second, rules=anxious)
        moods.append(decision.mood)
    assert moods == [UNKNOWN] * 20


def test_a_mood_that_was_only_in_doubt_comes_back_without_a_dwell() -> None:
    before = Decision("happy", START - 100, last="happy")
    after = look(before, evidence(happy=0.3, sad=0.5), 0)
    assert (after.mood, after.last) == (UNKNOWN, "happy")
    back = look(after, evidence(happy=0.9), 1)
    assert back.mood == "happy"


def test_a_mood_that_was_in_doubt_for_longer_than_the_window_is_entered_anew() -> None:
    doubtful = Decision(UNKNOWN, START - 100, last="happy")
    after = look(doubtful, evidence(happy=0.9), 0)
    assert (after.mood, after.candidate) == (UNKNOWN, "happy")


def test_one_who_is_surer_does_not_outweigh_another() -> None:
    sure_one = TrackEvidence(sure("happy"), 10, 50, START, slices=shows("happy", odds=1e6))
    other = TrackEvidence(sure("sad"), 10, 50, START, slices=shows("sad", odds=2))
    assert max(fused([sure_one, other], START).belief.values()) <= 0.5


def test_two_who_contradict_each_other_are_not_believed() -> None:
    assert max(fused([track("happy"), track("sad")], START).belief.values()) <= 0.5


def test_one_of_three_who_differs_is_outvoted() -> None:
    assert fused([track("happy"), track("happy"), track("sad")], START).belief["happy"] > 0.9


def test_a_window_begins_with_what_was_believed() -> None:
    torn = TrackEvidence({"happy": 0.5, "sad": 0.5}, 10, 50, START, slices={0: [1.0] * len(EXPRESSIONS)})
    begin = [0.65 if label == "sad" else 0.05 for label in EXPRESSIONS]
    believed = fused([torn], START, begin=begin)
    assert believed.belief["sad"] == pytest.approx(0.65, abs=0.01)
    assert believed.expressions == pytest.approx(list(believed.belief.values()))
    assert fused([torn], START, folding={"sad": "low"}, begin=begin).belief["low"] == believed.belief["sad"]


def test_a_candidate_that_falters_begins_again() -> None:
    decision = Decision("happy", START - 100, last="happy")
    for second in range(60):
        what = evidence(sad=0.9) if second % 5 else evidence(happy=0.9)
        decision = look(decision, what, second)
        assert decision.mood != "sad"


def test_a_clock_that_is_set_back_delays_a_decision_by_the_dwell_at_most() -> None:
    decision = Decision(UNKNOWN, START, candidate="happy", candidate_since=START + 3600)
    assert settle(decision, evidence(happy=0.9)).mood == "happy"


def test_thresholds_are_settings() -> None:
    strict = dataclasses.replace(RULES, enter_confidence=0.8, min_samples=100)
    assert settle(Decision(UNKNOWN, START), evidence(happy=0.7, samples=200), rules=strict).mood == UNKNOWN
    assert settle(Decision(UNKNOWN, START), evidence(happy=0.9, samples=99), rules=strict).mood == UNKNOWN
    assert settle(Decision(UNKNOWN, START), evidence(happy=0.9, samples=100), rules=strict).mood == "happy"


@pytest.mark.parametrize(
    "turns",
    [
        (evidence(happy=0.3, sad=0.6, neutral=0.1), evidence(happy=0.45, sad=0.4, neutral=0.15)),
        (evidence(happy=0.3, sad=0.6, neutral=0.1), evidence(happy=0.3, sad=0.1, neutral=0.6)),
    ],
    ids=["another or nothing", "others in turn"],
)
def test_a_mood_that_has_not_led_for_the_dwell_is_left_whatever_did(turns: tuple[Evidence, Evidence]) -> None:
    rules = dataclasses.replace(RULES, leave_confidence=0.1)
    decision, moods = Decision("happy", START - 100, last="happy"), []
    for second in range(6):
        what = turns[second // 3 % 2]
        decision = look(decision, what, second, rules=rules)
        moods.append(decision.mood)
    assert moods == ["happy"] * 5 + [UNKNOWN]


@pytest.mark.parametrize("shift", [-0.12, 0, 0.12])
def test_no_lesson_makes_a_mood_lead_that_is_believed_less_than_the_others_together(shift: float) -> None:
    taught = dataclasses.replace(RULES, leave_confidence=0.1, shifts={"happy": shift})
    assert taught.lead("happy") >= 0.5
    assert (
        settle(Decision("happy", START - 100, last="happy"), evidence(happy=0.49, sad=0.49), rules=taught).mood
        == UNKNOWN
    )


def test_nobody_is_since_when_it_was_decided_though_the_window_still_holds_faces() -> None:
    decision = Decision("happy", START - 100, last="happy")
    for second in range(20):
        decision = look(decision, evidence(happy=0.9), second, faceless_s=30)
    assert (decision.mood, decision.since) == (NOBODY, START)
