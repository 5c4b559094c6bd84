"""What follows from trying a topic at the broker, case by case."""

from functools import partial

import pytest

from services.contracts.rights import HOME_AUTOMATION, RIGHTS, tried
from services.upkeep.checks.trial import Lack, Topic, Verdict, topics

both = partial(Topic, "t", says=True, hears=True)
heard = partial(Topic, "t", tries=True, hears=True)
whole = partial(Topic, "t", hears=True)
NO = "Not authorized"


@pytest.mark.parametrize(
    ("topic", "verdict", "lacks"),
    [
        (Topic("t", says=True), Verdict.WELL, set()),
        (Topic("t", says=True, saying=NO), Verdict.FORBIDDEN, {Lack.SAYING}),
        (Topic("t", says=True, saying=None), Verdict.UNANSWERED, set()),
        (both(came=True), Verdict.WELL, set()),
        (both(), Verdict.FORBIDDEN, {Lack.HEARING}),
        (both(refusals_told=False), Verdict.FORBIDDEN, {Lack.HEARING}),
        (both(saying=NO, subscribing=NO), Verdict.FORBIDDEN, {Lack.SAYING, Lack.SUBSCRIBING}),
        (heard(came=True), Verdict.WELL, set()),
        (heard(), Verdict.FORBIDDEN, {Lack.HEARING}),
        (heard(refusals_told=False), Verdict.UNTRIED, set()),
        (heard(saying=NO), Verdict.UNTRIED, set()),
        (heard(subscribing=NO), Verdict.FORBIDDEN, {Lack.SUBSCRIBING}),
        (whole(came=True), Verdict.WELL, set()),
        (whole(), Verdict.SILENT, set()),
        (whole(subscribing=NO), Verdict.FORBIDDEN, {Lack.SUBSCRIBING}),
        (whole(subscribing=None), Verdict.UNANSWERED, set()),
    ],
)
def test_what_follows_from_an_answer(topic: Topic, verdict: Verdict, lacks: set[Lack]) -> None:
    assert (topic.verdict, {*topic.lacks}) == (verdict, lacks)


@pytest.mark.parametrize("user", [user for user in RIGHTS if user != HOME_AUTOMATION] + ["one_for_all"])
def test_all_that_a_user_has_to_do_is_tried_and_nothing_is_published_that_is_the_whole_houses(user: str) -> None:
    users = [user] if user in RIGHTS else [one for one in RIGHTS if one != HOME_AUTOMATION]
    found = {topic.name: topic for topic in topics("moodring", user, refusals_told=True)}
    for one in users:
        assert all(found[channel.at_nobodys("moodring")].hears for channel in RIGHTS[one].hears)
        assert all(found[channel.at_nobodys("moodring")].says for channel in RIGHTS[one].says if channel.names)
        assert all(found[channel.at_nobodys("moodring")].published for channel in tried(one))
        assert found[f"moodring/services/{one}/Doctor"].says
    assert not [name for name, topic in found.items() if topic.published and "/Doctor" not in name]
    assert not [topic for topic in found.values() if topic.says and topic.tries]
