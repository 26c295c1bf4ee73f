from datetime import UTC, datetime

import pytest

from ml.models import PredictorVersion
from ml.registry import (
    active_version,
    keep_learning_curve,
    promote_version,
    register_version,
    retire_active,
    roll_back_to,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, tzinfo=UTC)
CURVE = {"measured_at": "2026-11-22", "groups": 40, "splits": 1, "curves": {}, "growth": {}}


def register(strategy="tfidf"):
    artifact = "folder" if strategy else ""
    return register_version(strategy=strategy, artifact=artifact, manifest={"seed": 1}, now=NOW)


def statuses():
    return dict(PredictorVersion.objects.values_list("number", "status"))


def test_versions_are_numbered_from_one():
    assert [register().number, register().number, register(None).number] == [1, 2, 3]


def test_promotion_retires_the_active_version():
    register(), register()
    assert promote_version(number=1)
    assert promote_version(number=2)
    assert statuses() == {1: "retired", 2: "active"}
    assert active_version().number == 2


def test_promotion_of_anything_but_a_candidate_changes_nothing():
    register(), register(None)
    promote_version(number=1)
    assert [promote_version(number=number) for number in (1, 2, 9)] == [False, False, False]
    assert statuses() == {1: "active", 2: "rejected"}


def test_roll_back_brings_a_retired_version_back():
    for number in (1, 2):
        register()
        promote_version(number=number)
    assert roll_back_to(number=1)
    assert statuses() == {1: "active", 2: "retired"}
    assert not roll_back_to(number=1)
    assert statuses() == {1: "active", 2: "retired"}


def test_roll_back_to_a_candidate_or_nothing_changes_nothing():
    register(), register()
    promote_version(number=1)
    assert not roll_back_to(number=2)
    assert not roll_back_to(number=7)
    assert statuses() == {1: "active", 2: "candidate"}


def test_retiring_stops_predicting():
    register()
    promote_version(number=1)
    assert retire_active()
    assert not retire_active()
    assert active_version() is None


def test_learning_curve_is_kept_with_the_active_version():
    assert keep_learning_curve(CURVE) is None
    first, second = register(), register()
    promote_version(number=second.number)
    assert keep_learning_curve(CURVE) == second.number
    second.refresh_from_db()
    assert second.training_record["learning_curve"] == CURVE
    first.refresh_from_db()
    assert "learning_curve" not in first.manifest
