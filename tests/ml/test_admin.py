from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from ml import registry

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIST = "admin:ml_predictorversion_changelist"


@pytest.fixture
def admin_client(client, db):
    client.force_login(get_user_model().objects.create_superuser("owner"))
    return client


@pytest.fixture
def versions(db):
    """Version 1 retired, version 2 in use."""
    rows = []
    for number in (1, 2):
        row = registry.register(
            strategy="frozen_head", artifact=f"version-{number}", manifest={}, now=NOW
        )
        registry.promote(row, now=NOW)
        rows.append(row)
    return rows


def test_versions_are_listed(admin_client, versions):
    page = admin_client.get(reverse(LIST)).content.decode()
    assert "In use" in page
    assert "Retired" in page


def test_roll_back_is_one_action(admin_client, versions):
    data = {"action": "roll_back", "_selected_action": [versions[0].pk]}
    admin_client.post(reverse(LIST), data)
    assert registry.active_version().number == 1


@pytest.mark.parametrize(
    ("chosen", "message"),
    [((0, 1), "Choose one version."), ((1,), "Only a retired version can be put back.")],
    ids=["two", "the one in use"],
)
def test_roll_back_says_why_it_does_nothing(admin_client, versions, chosen, message):
    picked = [versions[index].pk for index in chosen]
    data = {"action": "roll_back", "_selected_action": picked}
    page = admin_client.post(reverse(LIST), data, follow=True).content.decode()
    assert message in page
    assert registry.active_version().number == 2


def test_version_cannot_be_edited_or_deleted(admin_client, versions):
    url = reverse("admin:ml_predictorversion_change", args=[versions[0].pk])
    assert admin_client.post(url, {"strategy": "x"}).status_code == 403
    url = reverse("admin:ml_predictorversion_delete", args=[versions[0].pk])
    assert admin_client.post(url, {"post": "yes"}).status_code == 403
