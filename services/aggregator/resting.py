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

LITTLE, FAIR = 3.0, 0.05
"""By how much an expression is weighed down at most of which neutral faces show no more than a twentieth: an unsure
answer gives that to what it does not see, and a face that shows it for once is to be seen to. By judgement."""
CHANCE = 0.5
"""By how much the logarithm of an expression's odds against neutral may exceed what the released model says of neutral
faces, and still be chance: about two standard errors of a minute's forty answers, as these logarithms have standard
deviations of 0.9 to 2.2 there, of 1.5 on average."""
MOST = 20.0
"""An expression is weighed down to a twentieth at most: whoever really feels so, and is read as feeling so more than at
rest, is still seen to (`test_every_expression_is_still_seen_after_a_baseline`). `tests.bench.taught` plays a face whose
odds of looking sad are twenty times the usual ones."""
READ = 2 / len(EXPRESSIONS)
"""Share that some expression has in faces that the model can read: twice that of answers which say nothing."""


def factors(baseline: Baseline | None) -> dict[str, float]:
    """Return by what each expression is multiplied, 1/`MOST` to 1; those that stay are left out."""
    if baseline is None:
        return {}
    model = released()
    own, usual = baseline.logs, model.resting_logs
    if not own:
        own, usual = logs(baseline.distribution), logs(model.resting)
    excess = {label: own[label] - own[NEUTRAL] - usual[label] + usual[NEUTRAL] for label in EXPRESSIONS}
    return {
        label: max(1 / _most(baseline.distribution.get(label, 0.0)), math.exp(-by))
        for label, by in excess.items()
        if by > CHANCE
    }


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
    if max(baseline.distribution.values(), default=0.0) < READ:
        return False
    shown = support(listed(corrected(baseline.distribution, factors(baseline))), scale_of(0))
    return EXPRESSIONS[shown.index(max(shown))] == NEUTRAL


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
        "nothing happened, without talking, laughing or grimacing, and start again"
    )
