import numpy as np
import pytest

from ml.dataset.contrast_groups import build_groups
from ml.dataset.training_dataset import training_dataset
from ml.evaluation.cross_validation import NO_HELPERS, Helpers
from ml.progress import no_progress
from ml.strategies.no_text import NoText
from ml.strategies.tfidf import TfidfRidge
from ml.training.candidate_trials import TrialSettings, try_strategies
from ml.training.final_fit import Material, final_fit
from tests.ml.factories import learnable_rows

RECORD = {"seed": 1}


def fit(strategy, material):
    settings = TrialSettings(seed=1, helpers=material.helpers)
    trials = try_strategies(
        (strategy,), material.data.groups, settings=settings, progress=no_progress
    )
    trial = trials[strategy.name]
    rng = np.random.default_rng(1)
    return final_fit(strategy, material, trial=trial, record=RECORD, rng=rng)


@pytest.fixture(scope="module")
def data():
    return training_dataset(build_groups(learnable_rows(40)))


def test_artifact_holds_what_scoring_needs(data):
    artifact, fitted = fit(TfidfRidge(), Material(data=data, helpers=NO_HELPERS))
    assert artifact.strategy == "tfidf"
    assert {past.text for past in artifact.past} == set(data.arms.texts)
    assert artifact.past_vectors is None  # TF-IDF computes its sparse rows again
    assert artifact.manifest["seed"] == 1
    assert set(artifact.manifest) - set(RECORD) == {
        "language",
        "surfaces",
        "departures",
        "risk",
        "explanations",
        "abstention",
        "tuning",
    }
    restored = TfidfRidge().restore(artifact.parts)
    np.testing.assert_allclose(restored.score(["free"]), fitted.score(["free"]))


def test_helpers_train_and_are_no_past_wordings(data):
    rows = learnable_rows(40, seed=3, suspect=True)
    helpers = Helpers(groups=build_groups(rows).groups, trust=np.ones(40))
    material = Material(data=data, helpers=helpers)
    assert len(material.everything) == 80
    artifact, fitted = fit(TfidfRidge(), material)
    alone = fit(TfidfRidge(), Material(data=data, helpers=NO_HELPERS))[1]
    assert len(artifact.past) == 120
    assert fitted.score(["free"]) != pytest.approx(alone.score(["free"]))


def test_strategy_that_reads_no_text_cannot_be_served(data):
    with pytest.raises(ValueError, match="'no_text' reads no text"):
        fit(NoText(), Material(data=data, helpers=NO_HELPERS))
