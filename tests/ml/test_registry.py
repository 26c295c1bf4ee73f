from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from ml import registry
from ml.models import PredictorVersion

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def make_candidate():
    number = PredictorVersion.objects.count() + 1
    return registry.register(
        strategy="frozen_head", artifact=f"version-{number}", manifest={"seed": 1}, now=NOW
    )


def statuses():
    return dict(PredictorVersion.objects.values_list("number", "status"))


def test_register_numbers_versions_from_one():
    assert [make_candidate().number, make_candidate().number] == [1, 2]


def test_active_version_is_none_before_the_first_promotion():
    make_candidate()
    assert registry.active_version() is None


def test_promote_retires_the_version_in_use():
    first, second = make_candidate(), make_candidate()
    assert registry.promote(first, now=NOW)
    assert registry.promote(second, now=NOW)
    assert statuses() == {1: "retired", 2: "active"}


def test_promote_twice_says_no():
    version = make_candidate()
    registry.promote(version, now=NOW)
    assert not registry.promote(version, now=NOW)
    assert statuses() == {1: "active"}


def test_rejected_version_is_never_promoted():
    version = make_candidate()
    assert registry.reject(version)
    assert not registry.promote(version, now=NOW)
    assert statuses() == {1: "rejected"}


def test_roll_back_puts_the_former_version_into_use():
    for _ in range(2):
        registry.promote(make_candidate(), now=NOW)
    assert registry.roll_back(1, now=NOW)
    assert registry.active_version().number == 1
    assert statuses() == {1: "active", 2: "retired"}


@pytest.mark.parametrize("number", [2, 404], ids=["a rejected one", "an unknown one"])
def test_roll_back_to_what_was_never_in_use_changes_nothing(number):
    registry.promote(make_candidate(), now=NOW)
    registry.reject(make_candidate())
    assert not registry.roll_back(number, now=NOW)
    assert statuses() == {1: "active", 2: "rejected"}


def test_database_refuses_two_active_versions():
    registry.promote(make_candidate(), now=NOW)
    make_candidate()
    with pytest.raises(IntegrityError), transaction.atomic():
        PredictorVersion.objects.filter(number=2).update(status="active")
