from dataclasses import replace

import numpy as np
import pytest

from ml.scoring.context import Context
from ml.scoring.scorer import Scorer, load_scorer
from tests.ml.factories import KnowingEncoder, learnable_rows, train_in

FRENCH = ["Obtenir mon guide", "Voir la liste des prix"]
IN_FRENCH = Context(locale="fr")


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    """A predictor of simulated English tests; its encoder knows no French."""
    folder = tmp_path_factory.mktemp("stored") / "p"
    rows = learnable_rows(60, own_words=True, locale="en-US")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml.training.pipeline.add_fast_parts", lambda artifact, *_, **__: artifact)
        train_in(folder, rows, encoder=KnowingEncoder())
    return load_scorer(folder, make_encoder=KnowingEncoder)


def carrying(scorer, **changes):
    """Return the predictor as if it had been measured to answer well in French."""
    record = scorer.artifact.manifest["language"] | {
        "agreement": 0.8,
        "agreement_low": 0.7,
        "slope": 0.5,
        "allowance": 2.0,
    }
    manifest = {**scorer.artifact.manifest, "language": record | changes}
    return Scorer(replace(scorer.artifact, manifest=manifest), scorer._fitted)


def codes(reasons):
    return [reason.code for reason in reasons]


def test_training_measures_that_nothing_is_carried_over(english):
    record = english.artifact.manifest["language"]
    assert (record["main"], record["other"]) == ("en", "fr")
    assert record["agreement_low"] < 2 / 3
    outcome = english.score(FRENCH, context=IN_FRENCH)
    assert outcome.refusal.code == "locale_not_transferred"
    assert outcome.refusal.params["agreement"] == round(100 * record["agreement"])
    assert english.answer(FRENCH, [IN_FRENCH] * 2)[1][0].code == "locale_not_transferred"


def test_language_that_is_carried_over_is_answered_with_its_reliability(english):
    outcome = carrying(english).score(FRENCH, context=IN_FRENCH)
    assert outcome.refusal is None
    assert [wording.refusal for wording in outcome.wordings] == [None, None]
    note = next(each for each in outcome.notes if each.code == "locale_transferred")
    assert note.params["agreement"] == 80
    assert (note.params["learned"], note.params["tests"]) == ("en", 0)


def test_unstated_french_is_recognised(english):
    outcome = carrying(english).score(FRENCH)
    assert [wording.refusal for wording in outcome.wordings] == [None, None]
    assert "locale_transferred" in codes(outcome.notes)
    assert all(wording.refusal for wording in english.score(FRENCH).wordings)


def test_differences_are_shrunk_by_what_is_carried_over(english):
    plain = english._fitted.score(FRENCH)
    scores, refusals = carrying(english).answer(FRENCH, [IN_FRENCH] * 2)
    assert refusals == [None, None]
    assert np.diff(scores) == pytest.approx(0.5 * np.diff(plain))


def test_english_answers_do_not_change(english):
    texts, contexts = ["good1 new", "bad1 new"], [Context(locale="en")] * 2
    before, after = (each.answer(texts, contexts)[0] for each in (english, carrying(english)))
    np.testing.assert_array_equal(before, after)


def test_far_wording_is_refused_in_the_other_language_too(english):
    far = carrying(english, allowance=-2.0).score(FRENCH, context=IN_FRENCH)
    assert codes(wording.refusal for wording in far.wordings) == ["far_from_training"] * 2


def test_predictor_without_the_measurement_refuses_as_before(english):
    manifest = {**english.artifact.manifest}
    del manifest["language"]
    earlier = Scorer(replace(english.artifact, manifest=manifest), english._fitted)
    assert earlier.score(FRENCH, context=IN_FRENCH).refusal.code == "locale_not_covered"
