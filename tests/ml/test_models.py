from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from ml.models import PredictorVersion
from ml.registry import (
    promote_version,
    register_version,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def register(strategy="tfidf"):
    artifact = "folder" if strategy else ""
    return register_version(strategy=strategy, artifact=artifact, manifest={"seed": 1}, now=NOW)


def test_database_allows_one_active_version():
    register(), register()
    promote_version(number=1)
    with pytest.raises(IntegrityError, match="UNIQUE"), transaction.atomic():
        PredictorVersion.objects.filter(number=2).update(status="active")


def test_database_wants_a_model_unless_rejected():
    with pytest.raises(IntegrityError, match="predictor_stored_unless_rejected"):
        register_version(strategy="tfidf", artifact="", manifest={}, now=NOW)


def test_version_is_named_by_its_number():
    assert str(register()) == "Predictor 1"
