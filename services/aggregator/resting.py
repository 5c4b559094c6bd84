"""What a minute of neutral faces corrects: a model that reads a resting face as something else. Pure.

An expression whose odds against neutral are greater in these faces than in the neutral faces that the model was
measured on is weighed down by as much: that is the correction of a classifier's answers for another prior (Saerens,
Latinne and Decaestecker, "Adjusting the outputs of a classifier", 2002), one way only. Odds are compared by the mean of
their logarithms, in which such a bias is the same in every answer; a face that is read as faces are is left as it is,
but for chance.
"""

import math
from collections.abc import Mapping

from services.aggregator.likelihood import NEUTRAL, listed, logarithms, released, scale_of, support
from services.aggregator.state import Baseline
from services.contracts.moods import EXPRESSIONS

CLEAR = 0.7
"""Share of neutral from which a face is left as it is: it looks as neutral when it rests as most faces do (0.78 is the
released model's mean), and a correction would only cost it other expressions."""
ORDINARY = 2.0
"""How many times the usual odds against neutral an expression has at least that is weighed down: less may be chance in
a minute, of whose forty answers the logarithms' mean has a standard error of 0.24 on average (standard deviations of
0.9 to 2.2 in the released model's answers to neutral faces, of 1.5 on average)."""
LITTLE, MOST = 3.0, 20.0
"""By how much an expression is weighed down at most: of which neutral faces show `FAIR` or less, as an unsure answer
gives so much to what it does not see, and of which they show a third or more; in between in proportion. Whoever really
feels so, and is read as feeling so more than at rest, is still seen to
(`test_every_expression_is_still_seen_after_a_baseline`)."""
FAIR = 0.05
READ = 2 / len(EXPRESSIONS)
"""Share that some expression has in faces that the model can read: twice that of answers which say nothing."""


def factors(baseline: Baseline | None) -> dict[str, float]:
    """Return by what each expression is multiplied, 1/`MOST` to 1; those that stay are left out."""
    if baseline is None or baseline.distribution.get(NEUTRAL, 0.0) >= CLEAR:
        return {}
    times = _times(baseline)
    return {
        label: 1 / min(times[label], _most(share))
        for label, share in baseline.distribution.items()
        if times.get(label, 0.0) > ORDINARY
    }


def _times(baseline: Baseline) -> dict[str, float]:
    """Return how many times the usual odds against neutral each expression has."""
    model = released()
    own, usual = baseline.logs, model.resting_logs
    if not own:
        own, usual = logs(baseline.distribution), logs(model.resting)
    return {label: math.exp(own[label] - own[NEUTRAL] - usual[label] + usual[NEUTRAL]) for label in EXPRESSIONS}


def logs(distribution: Mapping[str, float]) -> dict[str, float]:
    """Return the logarithm of the share of each of `EXPRESSIONS`."""
    return dict(zip(EXPRESSIONS, logarithms(listed(distribution)), strict=True))


def _most(share: float) -> float:
    """Return by what an expression of which resting faces show so much can be divided, `LITTLE` to `MOST`."""
    return min(MOST, max(LITTLE, LITTLE * share / FAIR))


def rests(baseline: Baseline) -> bool:
    """Whether faces can be taken for resting ones: all that can be corrected corrected, they look neutral.

    Faces that do not, grimaced: what they showed most would be weighed down by the most that it can be, for as long as
    the baseline stands, and they would look no more neutral for it. Nor do those that the model cannot read: of answers
    that say nothing, all but neutral would be weighed down.
    """
    looked = max(baseline.distribution, key=baseline.distribution.__getitem__)
    if baseline.distribution[looked] < READ:
        return False
    shown = corrected(baseline.distribution, factors(baseline))
    likely = dict(zip(EXPRESSIONS, support(listed(shown), scale_of(0)), strict=True))
    return max(shown, key=shown.__getitem__) == NEUTRAL and likely[NEUTRAL] >= likely.get(looked, 0.0)


def corrected(distribution: Mapping[str, float], by: Mapping[str, float]) -> Mapping[str, float]:
    """Return a distribution with its expressions multiplied, summing to 1 again."""
    if not by or not distribution:
        return distribution
    weighed = {label: share * by.get(label, 1.0) for label, share in distribution.items()}
    total = sum(weighed.values())
    return {label: share / total for label, share in weighed.items()}


def no_rest(shares: Mapping[str, float]) -> str:
    """Return what is said of a minute in which nobody rested, by what it showed of each expression."""
    most = max(shares, key=shares.__getitem__)
    if shares[most] < READ or most == NEUTRAL:
        return (
            f"the model cannot read the faces of the minute (none of its expressions had over {100 * shares[most]:.0f} "
            "%), so nothing was learnt: let light fall on the face, come nearer, look straight at the camera, and "
            "start again"
        )
    looked = f"looked {most} ({100 * shares[most]:.0f} %) and only {100 * shares.get(NEUTRAL, 0.0):.0f} % neutral"
    return (
        f"the faces of the minute {looked}, which is no resting face, so nothing was learnt: look at the camera as if "
        "nothing happened, without talking, laughing or grimacing, and start again; if it always looks so, that is "
        "more than a minute can put right"
    )
