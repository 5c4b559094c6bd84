"""What follows from trying a topic at the broker, case by case."""

import pytest

from services.contracts.rights import HOME_AUTOMATION, RIGHTS, tried
from services.upkeep.checks.trial import Lack, Topic, Verdict, topics

OFTEN = {"says": True, "hears": True}
TRIED = {"tries": True, "hears": True}
WHOLE = {"hears": True}
NO = "Not authorized"


@pytest.mark.parametrize(
    ("topic", "verdict", "lacks"),
    [
        (Topic("t", says=True), Verdict.WELL, set()),
        (Topic("t", says=True, saying=NO), Verdict.FORBIDDEN, {Lack.SAYING}),
        (Topic("t", says=True, saying=None), Verdict.UNANSWERED, set()),
        (Topic("t", **OFTEN, came=True), Verdict.WELL, set()),
        (Topic("t", **OFTEN), Verdict.FORBIDDEN, {Lack.HEARING}),
        (Topic("t", **OFTEN, refusals_told=False), Verdict.FORBIDDEN, {Lack.HEARING}),
        (Topic("t", **OFTEN, saying=NO, subscribing=NO), Verdict.FORBIDDEN, {Lack.SAYING, Lack.SUBSCRIBING}),
        (Topic("t", **TRIED, came=True), Verdict.WELL, set()),
        (Topic("t", **TRIED), Verdict.FORBIDDEN, {Lack.HEARING}),
        (Topic("t", **TRIED, refusals_told=False), Verdict.UNTRIED, set()),
        (Topic("t", **TRIED, saying=NO), Verdict.UNTRIED, set()),
        (Topic("t", **TRIED, subscribing=NO), Verdict.FORBIDDEN, {Lack.SUBSCRIBING}),
        (Topic("t", **WHOLE, came=True), Verdict.WELL, set()),
        (Topic("t", **WHOLE), Verdict.SILENT, set()),
        (Topic("t", **WHOLE, subscribing=NO), Verdict.FORBIDDEN, {Lack.SUBSCRIBING}),
        (Topic("t", **WHOLE, subscribing=None), Verdict.UNANSWERED, set()),
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
