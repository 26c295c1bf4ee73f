"""The typed manifest against what trainings really write."""

from dataclasses import fields

import msgspec
import pytest

from ml.evaluation.bootstrap import Estimate
from ml.evaluation.metrics import Metrics
from ml.evaluation.promotion_gate import GateDecision, GateVerdict, PairedComparison
from ml.evaluation.selective_prediction import Risk, RiskPoint
from ml.fine_tuning.early_stopping import TrainingTrace
from ml.scoring import manifest as records
from ml.scoring.artifacts import load_artifact
from ml.scoring.calibration import Calibration
from ml.scoring.explanations import DeletionCheck
from ml.strategies.candidates import LeftOutStrategy
from tests.ml.factories import HashEncoder, StrangeEncoder, divided_rows, learnable_rows, train_in


def assert_of_type(manifest, expected):
    """Every key has its type, none is missing, and none is unknown: unknown ones are dropped."""
    assert msgspec.convert(manifest, expected) == manifest


@pytest.fixture(scope="module")
def divided(tmp_path_factory):
    """A training on two audiences, with source tests."""
    folder = tmp_path_factory.mktemp("models") / "p1"
    source = learnable_rows(40, seed=9)
    return train_in(folder, divided_rows(), encoder=StrangeEncoder(), source=source).manifest


def test_stored_manifest_has_its_types(stored_predictor):
    manifest = stored_predictor[1].manifest
    assert_of_type(manifest, records.StoredManifest)
    assert manifest["format"] == records.FORMAT
    assert manifest["left_out"]


def test_manifest_of_offsets_and_source_has_its_types(divided):
    assert_of_type(divided, records.StoredManifest)
    assert divided["source"]["groups"] > 0
    assert divided["departures"]["levels"]["audience"]
    assert divided["departures"]["factors"]["audience"]["kept"]


def test_manifest_of_a_rejected_training_has_its_types(tmp_path):
    result = train_in(tmp_path / "p1", learnable_rows(gain=0.0), encoder=HashEncoder())
    assert_of_type(result.manifest, records.Manifest)
    assert "risk" not in result.manifest


def test_manifest_is_read_as_it_was_written(stored_predictor):
    folder, result = stored_predictor
    assert load_artifact(folder).manifest == result.manifest


@pytest.mark.parametrize("key", ["seed", "gate", "data"])
def test_manifest_without_a_required_key_is_no_manifest(stored_predictor, key):
    manifest = {name: part for name, part in stored_predictor[1].manifest.items() if name != key}
    with pytest.raises(msgspec.ValidationError, match=key):
        msgspec.convert(manifest, records.Manifest)


def test_manifest_of_an_earlier_version_lacks_the_later_keys(stored_predictor):
    required = records.StoredManifest.__required_keys__
    manifest = {name: stored_predictor[1].manifest[name] for name in required}
    assert_of_type(manifest, records.StoredManifest)
    assert records.StoredManifest.__optional_keys__ == {
        "source",
        "left_out",
        "confirmation",
        "departures",
        "risk",
        "explanations",
        "abstention",
        "encoders",
        "language",
        "surfaces",
        "tuning",
        "fast_copy",
        "learning_curve",
    }


@pytest.mark.parametrize(
    ("value", "record"),
    [
        (Estimate, records.EstimateRecord),
        (Metrics, records.MetricsRecord),
        (PairedComparison, records.ComparisonRecord),
        (GateVerdict, records.VerdictRecord),
        (GateDecision, records.GateRecord),
        (LeftOutStrategy, records.LeftOutRecord),
        (RiskPoint, records.RiskPointRecord),
        (Risk, records.RiskRecord),
        (DeletionCheck, records.DeletionRecord),
        (TrainingTrace, records.TraceRecord),
        (Calibration, records.CalibrationRecord),
    ],
    ids=lambda part: part.__name__,
)
def test_record_has_the_fields_of_its_value(value, record):
    # Keys that records of an earlier version lack are optional.
    keys = record.__required_keys__ | record.__optional_keys__
    assert keys == {field.name for field in fields(value)}


@pytest.mark.parametrize("estimate", [None, {"value": None, "low": None, "high": None}])
def test_undefined_estimate_has_no_interval(estimate):
    assert records.interval_of(estimate) is None
