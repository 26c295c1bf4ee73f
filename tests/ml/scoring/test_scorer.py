from dataclasses import replace

import numpy as np
import pytest

from ml.encoders.cache import CachedEncoder
from ml.errors import EncoderError
from ml.scoring.context import Context
from ml.scoring.scorer import Scorer, load_scorer
from tests.ml.factories import (
    HashEncoder,
    KnowingEncoder,
    StrangeEncoder,
    divided_rows,
    learnable_rows,
    train_in,
)

HISTORY = {"locale": "en-US", "audience": "new"}


def make_scorer(folder, encoder, **changes):
    result = train_in(folder, learnable_rows(80, **HISTORY, **changes), encoder=encoder)
    assert result.served is not None
    return load_scorer(folder, make_encoder=lambda: CachedEncoder(encoder, None))


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A predictor that knows words: TF-IDF, trained on English tests of one audience."""
    return make_scorer(tmp_path_factory.mktemp("models") / "p1", StrangeEncoder())


@pytest.fixture(scope="module")
def meanings(tmp_path_factory):
    """A predictor that knows meanings: a head on an encoder, trained on words never repeated."""
    folder = tmp_path_factory.mktemp("models") / "p1"
    return make_scorer(folder, KnowingEncoder(), own_words=True)


def code(reason):
    return reason and reason.code


def test_wordings_are_ranked_against_the_control(words):
    outcome = words.score(
        ["submit thing1 item1", "free thing1 item1"],
        control="plain thing1 item1",
        context=Context(locale="en"),
    )
    control, bad, good = outcome.wordings
    assert [each.rank for each in (good, control, bad)] == [1, 2, 3]
    assert control.is_control
    assert (control.chance, control.lift) == (None, None)
    assert good.chance > 0.8
    assert bad.chance < 0.2
    assert good.lift.low < 0.4 < good.lift.high
    assert sum(each.score for each in outcome.wordings) == pytest.approx(0)


def test_unseen_words_are_ranked_when_the_encoder_knows_them(meanings):
    own = "thing900 item900 case900"
    bad, good = meanings.score(
        [f"bad900 {own}", f"good900 {own}"], context=Context(locale="en")
    ).wordings
    assert (good.rank, bad.rank) == (1, 2)


def test_control_may_be_one_of_the_wordings(words):
    outcome = words.score(
        ["free thing1", "plain thing1"], control="plain thing1", context=Context(locale="en")
    )
    assert [wording.is_control for wording in outcome.wordings] == [False, True]


def test_without_a_control_nothing_is_compared(words):
    outcome = words.score(["free thing1", "plain thing1"], context=Context(locale="en"))
    assert {wording.chance for wording in outcome.wordings} == {None}
    assert sorted(wording.rank for wording in outcome.wordings) == [1, 2]


def test_equal_wordings_share_score_and_rank(words):
    texts = ["free thing1", "free  thing1 ", "submit thing1"]
    first, same, other = words.score(texts, context=Context(locale="en")).wordings
    assert first.score == same.score
    assert [each.rank for each in (first, same, other)] == [1, 1, 3]


def test_swapping_control_and_wording_gives_the_complement(words):
    _, there = words.score(["free thing1"], control="plain thing1").wordings
    _, back = words.score(["plain thing1"], control="free thing1").wordings
    assert there.chance + back.chance == pytest.approx(1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"),
        ("free " * 2000, "too_long"),
        ("<b>free</b> thing1", "html"),
        ("🎉", "no_words"),
        ("Découvrir nos offres", "unseen_words"),
    ],
)
def test_wording_that_cannot_be_judged_is_refused_alone(words, text, expected):
    refused, answered = words.score([text, "free thing1"], context=Context(locale="en")).wordings
    assert code(refused.refusal) == expected
    assert (refused.score, refused.rank, refused.chance) == (None, None, None)
    assert answered.rank == 1


def test_refused_control_is_told(words):
    outcome = words.score(
        ["free thing1", "new thing1"], control="<i>", context=Context(locale="en")
    )
    assert [code(note) for note in outcome.notes] == ["control_refused"]
    assert {wording.chance for wording in outcome.wordings} == {None}
    assert outcome.wordings[1].rank is not None


def test_language_without_past_tests_is_refused(words):
    outcome = words.score(["free thing1", "plain thing1"], context=Context(locale="fr-FR"))
    assert code(outcome.refusal) == "locale_not_covered"
    assert outcome.refusal.params == {"locale": "fr", "tests": 0, "needed": 20}
    assert {code(wording.refusal) for wording in outcome.wordings} == {"locale_not_covered"}


def test_language_left_out_is_named(words):
    notes = words.score(["free thing1"]).notes
    assert [(code(note), note.params) for note in notes] == [("locale_assumed", {"locale": "en"})]


@pytest.mark.parametrize(
    ("audience", "expected", "tests"),
    [("new", "audience_shared", 80), ("returning", "audience_unknown", 0)],
)
def test_audience_gets_the_shared_answer_and_is_told(words, audience, expected, tests):
    outcome = words.score(
        ["free thing1", "plain thing1"],
        context=Context(audience=audience, locale="en"),
    )
    (note,) = outcome.notes
    assert (note.code, note.params) == (expected, {"audience": audience, "tests": tests})
    assert (
        outcome.wordings
        == words.score(["free thing1", "plain thing1"], context=Context(locale="en")).wordings
    )


def test_no_wordings_are_refused(words):
    outcome = words.score([])
    assert (code(outcome.refusal), outcome.wordings) == ("no_wordings", ())


@pytest.mark.parametrize("which", ["words", "meanings"])
def test_nearest_past_wordings_come_with_their_results(which, request):
    scorer = request.getfixturevalue(which)
    past = scorer.artifact.past[0]
    (wording,) = scorer.score([past.text], context=Context(locale="en")).wordings
    assert len(wording.nearest) == 3
    assert wording.nearest[0].text == past.text
    assert wording.nearest[0].click_rate == past.clicks / past.visitors
    assert wording.nearest[0].likeness == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("which", ["words", "meanings"])
def test_many_wordings_get_the_answers_they_get_alone(which, request):
    scorer = request.getfixturevalue(which)
    texts = [past.text for past in scorer.artifact.past[:5]] + ["<b>", "wholly other words"]
    scores, refusals = scorer.answer(texts, [Context(locale="en")] * len(texts))
    alone = scorer.score(texts, context=Context(locale="en")).wordings
    assert [code(each) for each in refusals] == [code(each.refusal) for each in alone]
    kept = [at for at, refusal in enumerate(refusals) if refusal is None]
    expected = [alone[at].score for at in kept]
    np.testing.assert_allclose(scores[kept] - scores[kept].mean(), expected, atol=1e-6)


def test_predictor_of_another_encoder_is_not_loaded(tmp_path, meanings):
    folder = tmp_path / "p1"
    train_in(folder, learnable_rows(80, own_words=True), encoder=KnowingEncoder())
    other = HashEncoder(seed=7)
    with pytest.raises(EncoderError, match="not the one the predictor was trained on"):
        load_scorer(folder, make_encoder=lambda: CachedEncoder(other, None))


TEXTS = ["free thing1", "plain thing1", "submit thing1", "<b>"]


def test_any_two_wordings_are_compared(words):
    outcome = words.score(TEXTS, control="plain thing1", context=Context(locale="en"))
    chances = outcome.chances
    assert [len(row) for row in chances] == [4] * 4
    assert chances[0][1] == outcome.wordings[0].chance
    assert chances[0][2] + chances[2][0] == pytest.approx(1)
    assert chances[0][2] > chances[0][1] > 0.5
    assert {row[3] for row in chances} | set(chances[3]) | {chances[0][0]} == {None}


def test_rank_comes_with_its_sureness(words):
    good, plain, bad, refused = words.score(TEXTS, context=Context(locale="en")).wordings
    assert sum(each.belief.best for each in (good, plain, bad)) == pytest.approx(1)
    assert good.belief.best > plain.belief.best > bad.belief.best
    assert (good.belief.low, bad.belief.high) == (1, 3)
    assert refused.belief is None


def test_equal_wordings_are_a_toss_up(words):
    texts = ["free  thing1", "submit thing1"]
    same, other = words.score(texts, control="free thing1").wordings[1:]
    assert (same.is_toss_up, other.is_toss_up) == (True, False)


def test_words_are_explained_only_when_that_is_asked(words):
    plain = words.score(TEXTS, context=Context(locale="en"))
    asked = words.score(TEXTS, context=Context(locale="en"), explained=True)
    assert {each.words for each in plain.wordings} == {()}
    free, thing = asked.wordings[0].words
    assert (free.word, thing.word) == ("free", "thing1")
    assert free.effect > 0.1 > thing.effect
    assert asked.wordings[3].words == ()


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """A predictor of two audiences: experts prefer what everybody else dislikes."""
    folder = tmp_path_factory.mktemp("models") / "p1"
    train_in(folder, divided_rows(), encoder=StrangeEncoder())
    return load_scorer(folder, make_encoder=lambda: CachedEncoder(StrangeEncoder(), None))


def ranks(scorer, audience):
    outcome = scorer.score(
        ["free new", "submit terms"], context=Context(locale="en", audience=audience)
    )
    return [each.rank for each in outcome.wordings], outcome.notes[0]


def test_audience_with_tests_of_its_own_gets_its_own_answer(divided):
    (everybody, _), (experts, note) = (ranks(divided, name) for name in ("everybody", "experts"))
    assert (everybody, experts) == ([1, 2], [2, 1])
    assert (note.code, note.params["tests"]) == ("audience_own", 30)
    assert 0 < note.params["borrowed"] < 50


def test_cold_audience_gets_the_shared_answer_and_is_told(divided):
    shared, note = ranks(divided, "newcomers")
    assert shared == [1, 2]
    assert (note.code, note.params) == ("audience_unknown", {"audience": "newcomers", "tests": 0})


def test_many_wordings_are_answered_each_in_its_context(divided):
    texts = ["free new", "submit terms"] * 2
    contexts = [Context(audience="everybody")] * 2 + [Context(audience="experts")] * 2
    scores, _ = divided.answer(texts, contexts)
    assert scores[0] > scores[1]
    assert scores[2] < scores[3]


def test_audience_that_is_predicted_no_better_than_by_a_coin_is_refused(divided):
    levels = divided.artifact.manifest["departures"]["levels"]["audience"]
    poor = levels["experts"] | {"log_loss_skill": {"value": -0.01, "low": -0.1, "high": 0.1}}
    manifest = {"departures": {"levels": {"audience": levels | {"experts": poor}}}}
    scorer = Scorer(replace(divided.artifact, manifest=manifest), divided._fitted)
    outcome = scorer.score(["free new"], context=Context(audience="experts"))
    assert code(outcome.refusal) == "audience_by_chance"
    assert outcome.refusal.params == {"audience": "experts", "tests": 30}
    assert scorer.score(["free new"], context=Context(audience="everybody")).refusal is None


def test_predictor_of_an_earlier_version_has_no_levels_and_answers(words):
    scorer = Scorer(replace(words.artifact, manifest={}), words._fitted)
    assert scorer.score(["free thing1"], context=Context(audience="new")).refusal is None


def test_departures_are_stored_and_come_back(divided):
    offset = divided.artifact.offsets["audience"]
    assert offset.levels == ("everybody", "experts")
    assert offset.plain.shape == (2, 11)
    assert divided.artifact.manifest["files"]["departures.json"]


def with_surfaces(scorer, **surfaces):
    """The scorer, as if its history had tests of these forms: their number and shrinkage."""
    records = {
        form: {"groups": groups, "spread": 0.2, "shrinkage": shrinkage}
        for form, (groups, shrinkage) in surfaces.items()
    }
    manifest = {**scorer.artifact.manifest, "surfaces": records}
    return Scorer(replace(scorer.artifact, manifest=manifest), scorer._fitted)


def lift_of_free(scorer, form):
    outcome = scorer.score(
        ["free thing1 item1"],
        control="submit thing1 item1",
        context=Context(locale="en", audience="new", form=form),
    )
    return np.log1p(outcome.wordings[1].lift.expected), outcome.notes


def test_differences_are_shrunk_on_a_form_where_wordings_matter_less(words):
    scorer = with_surfaces(words, button=(30, 0.5), link=(40, 1.0))
    whole, _ = lift_of_free(words, "button")
    half, notes = lift_of_free(scorer, "button")
    assert half == pytest.approx(whole / 2)
    assert ("form_shrunk", {"form": "button", "tests": 30, "share": 50}) in [
        (note.code, note.params) for note in notes
    ]
    other, notes = lift_of_free(scorer, "link")
    assert other == pytest.approx(whole)
    assert not {code(note) for note in notes} & {"form_shrunk", "form_unmeasured"}


def test_form_with_few_past_tests_is_called_not_yet_measured(words):
    scorer = with_surfaces(words, button=(3, 0.9))
    _, notes = lift_of_free(scorer, "button")
    (note,) = (each for each in notes if each.code == "form_unmeasured")
    assert note.params == {"form": "button", "tests": 3, "words": 4, "needed": 20}
    _, notes = lift_of_free(scorer, "link")
    assert [each.params["tests"] for each in notes if each.code == "form_unmeasured"] == [0]


def test_nothing_is_said_of_a_form_that_is_not_stated_or_of_an_earlier_version(words):
    _, notes = lift_of_free(with_surfaces(words, button=(3, 0.9)), "")
    assert "form_unmeasured" not in {code(note) for note in notes}
    manifest = {key: each for key, each in words.artifact.manifest.items() if key != "surfaces"}
    older = Scorer(replace(words.artifact, manifest=manifest), words._fitted)
    _, notes = lift_of_free(older, "button")
    assert "form_unmeasured" not in {code(note) for note in notes}
