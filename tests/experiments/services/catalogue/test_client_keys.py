from datetime import timedelta

import pytest

from experiments.models import AccessRecord, FormerClientKey
from experiments.selectors import serving
from experiments.services.catalogue.access_log import Actor
from experiments.services.catalogue.client_keys import end_former_client_key, rotate_client_key
from experiments.services.serving.snapshot import build_snapshot
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)


def opening(moment):
    return set(build_snapshot(revision=1, now=moment).client_keys)


def test_old_pages_go_on_until_the_overlap_is_over(site, owner):
    revision = serving.config_revision()
    new = rotate_client_key(site=site, overlap=30 * DAY, now=NOW, by=Actor(author=owner))
    site.refresh_from_db()
    assert site.client_key == new
    assert new.startswith("ctaopt_client_")
    assert opening(NOW + 29 * DAY) == {"shop-client-key", new}
    assert opening(NOW + 30 * DAY) == {new}
    assert serving.config_revision() == revision + 1
    record = AccessRecord.objects.get()
    assert (record.kind, record.author, record.key) == ("client_rotated", owner, new)


def test_key_that_is_rotated_twice_in_an_overlap_still_opens(site):
    keys = {rotate_client_key(site=site, overlap=30 * DAY, now=NOW) for _ in range(3)}
    assert opening(NOW) == {"shop-client-key", *keys}
    assert len(keys) == 3


def test_overlap_of_nothing_closes_old_pages_and_a_long_one_is_a_year(site):
    first = rotate_client_key(site=site, overlap=timedelta(), now=NOW)
    assert opening(NOW) == {first}
    rotate_client_key(site=site, overlap=4_000 * DAY, now=NOW)
    assert FormerClientKey.objects.get(key=first).expires_at == NOW + 365 * DAY


def test_overlap_can_be_ended_early_and_once(site):
    rotate_client_key(site=site, overlap=30 * DAY, now=NOW)
    former = FormerClientKey.objects.get()
    assert end_former_client_key(former=former, now=NOW + DAY) is True
    assert end_former_client_key(former=former, now=NOW + DAY) is False
    assert "shop-client-key" not in opening(NOW + DAY)
    kinds = AccessRecord.objects.values_list("kind", flat=True)
    assert list(kinds) == ["client_ended", "client_rotated"]
