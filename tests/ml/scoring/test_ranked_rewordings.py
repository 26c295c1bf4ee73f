import pytest

from ml.encoders.cache import CachedEncoder
from ml.scoring.context import Context
from ml.scoring.ranked_rewordings import MAX_OF_ONE_SOURCE, rank_rewordings
from ml.scoring.scorer import load_scorer
from tests.ml.factories import StrangeEncoder, learnable_rows, train_in

ENGLISH = Context(locale="en")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory):
    """A predictor that knows that free is good and submit bad."""
    folder = tmp_path_factory.mktemp("models") / "p1"
    train_in(folder, learnable_rows(80, locale="en"), encoder=StrangeEncoder())
    return load_scorer(folder, make_encoder=lambda: CachedEncoder(StrangeEncoder(), None))


def rewordings(scorer, *texts, **changes):
    values = {"control": "submit thing1", "context": ENGLISH}
    return rank_rewordings(scorer, texts, **(values | changes))


def test_rewordings_are_ranked_by_the_model(scorer):
    found = rewordings(scorer, "plain thing2")
    chances = [each.chance for each in found]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.8
    assert found[0].lift.expected > 0


def test_rewordings_are_none_of_the_given(scorer):
    found = rewordings(scorer, "plain thing2", count=50)
    assert not {"plain thing2", "submit thing1"} & {each.suggestion.text for each in found}


def test_sites_own_best_wordings_are_among_them(scorer):
    found = rewordings(scorer, "plain thing2 item2 case2", count=50)
    own = [each.suggestion for each in found if each.suggestion.rule == "own_best"]
    assert own
    assert {each.source for each in own} == {"t2"}


def test_past_wordings_of_other_offers_are_not_offered(scorer):
    rules = {each.suggestion.rule for each in rewordings(scorer, "plain garden", count=50)}
    assert "own_best" not in rules


def test_no_source_takes_all_the_places(scorer):
    found = rewordings(scorer, "free thing3", "new thing4", count=50)
    sources = [each.suggestion.source for each in found]
    assert max(sources.count(source) for source in sources) <= MAX_OF_ONE_SOURCE


def test_without_a_control_nothing_is_compared(scorer):
    found = rewordings(scorer, "plain thing2", control=None)
    assert {each.chance for each in found} == {None}
    assert found


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        (["plain thing2"], {"count": 0}),
        (["plain thing2"], {"context": Context(locale="fr")}),
        ([], {"control": None, "context": Context(locale="de")}),
    ],
    ids=["none asked", "language refused", "nothing to start from"],
)
def test_nothing_is_proposed_where_nothing_can_be_ranked(scorer, texts, changes):
    assert rewordings(scorer, *texts, **changes) == ()


@pytest.mark.parametrize("text", ["", "x" * 10_000, "<b>go</b>", "🎉"])
def test_text_that_is_no_wording_starts_nothing(scorer, text):
    sources = {each.suggestion.source for each in rewordings(scorer, text, count=50)}
    assert text not in sources
