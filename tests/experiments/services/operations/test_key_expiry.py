from datetime import timedelta

import pytest

from experiments import tasks
from experiments.models import ServerKey, Site
from experiments.services.operations.key_expiry import ending_in_words, ending_keys
from tests import factories
from tests.factories import NOW

DAY = timedelta(days=1)


def names(**options):
    return [one.name.split(" ")[0] for one in ending_keys(now=NOW, **options)]


def test_key_without_a_successor_is_named_whether_used_or_not(site):
    factories.make_server_key(site, "a", name="used", expires_at=NOW + 2 * DAY, last_used_at=NOW)
    factories.make_server_key(site, "b", name="unused", expires_at=NOW + DAY)
    factories.make_server_key(site, "c", name="later", expires_at=NOW + 15 * DAY)
    assert names() == ["unused", "used"]
    assert names(within=16 * DAY) == ["unused", "used", "later"]


@pytest.mark.parametrize(("hours", "is_named"), [(None, False), (-1, False), (1, True)])
def test_rotated_key_is_named_if_it_is_used_after_its_rotation(site, hours, is_named):
    factories.make_server_key(site, "new", created_at=NOW - DAY)
    used_at = None if hours is None else NOW - DAY + timedelta(hours=hours)
    factories.make_server_key(
        site, "old", expires_at=NOW + DAY, last_used_at=used_at, successor=ServerKey.objects.get()
    )
    assert bool(names()) is is_named


def test_former_client_key_is_named_while_pages_use_it(site):
    moments = {"replaced_at": NOW - DAY, "expires_at": NOW + DAY}
    site.former_client_keys.create(key="idle", **moments)
    site.former_client_keys.create(key="busy", **moments, last_used_at=NOW)
    assert names() == ["busy"]


def test_other_people_s_keys_are_not_named(site, other_site):
    factories.make_server_key(other_site, expires_at=NOW + DAY)
    assert names(sites=Site.objects.filter(pk=site.pk)) == []
    assert names(sites=Site.objects.filter(pk=other_site.pk)) == ["backend"]


def test_sentence_names_site_key_and_end(site):
    factories.make_server_key(site, expires_at=NOW + DAY)
    (ending,) = ending_keys(now=NOW)
    assert ending_in_words(ending) == (
        "Shop: the server key backend (shop-server-…) expires on 23 Nov 2026, 12:00."
        " It was never used."
    )


def test_task_logs_a_warning_for_each(site, time_machine, caplog):
    time_machine.move_to(NOW, tick=False)
    factories.make_server_key(site, expires_at=NOW + DAY, last_used_at=NOW)
    tasks.warn_of_ending_keys()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "is in use and expires on" in record.getMessage()
