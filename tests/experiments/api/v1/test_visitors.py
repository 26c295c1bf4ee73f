from urllib.parse import quote

import pytest

from experiments.models import AccessRecord, Event
from experiments.services.events.store import EventRow, store
from tests import factories
from tests.factories import NOW, event_id
from tests.servers import free_port

URL = "/api/v1/visitors/"


def stored(variant, visitor):
    site = variant.experiment.slot.site
    row = EventRow(
        event_id(), site.pk, "exposure", visitor, variant.experiment_id, variant.pk, 0.5, "", None,
        "", "{}", NOW, NOW, 0,
    )  # fmt: skip
    store([[row]])


@pytest.fixture
def variant(running_experiment, time_machine):
    time_machine.move_to(NOW, tick=False)
    return running_experiment.variants.get(key="b")


def test_visitor_is_erased_and_again_that_is_no_error(server, variant):
    stored(variant, "v-1")
    answers = [server.delete(f"{URL}v-1/") for _ in range(2)]
    assert [(one.status_code, one.content) for one in answers] == [(204, b"")] * 2
    assert not Event.objects.exists()


@pytest.mark.parametrize("visitor", ["no-such", "%00", "x" * 201, "é", "a/b"])
def test_unknown_visitor_is_not_found(server, variant, visitor):
    stored(variant, "v-1")
    assert [server.delete(f"{URL}{visitor}/").status_code for _ in range(2)] == [404, 404]
    assert Event.objects.count() == 1


@pytest.mark.parametrize("visitor", ["a/b", "a b", "a/", "é?#%"])
def test_any_visitor_can_be_named(server, variant, visitor):
    stored(variant, visitor)
    assert server.delete(f"{URL}{quote(visitor, safe='')}/").status_code == 204


def test_another_site_erases_nothing(other_server, variant):
    stored(variant, "v-1")
    assert other_server.delete(f"{URL}v-1/").status_code == 404
    assert Event.objects.count() == 1


def test_stranger_is_kept_out(visitor, client, stranger, variant):
    stored(variant, "v-1")
    client.force_login(stranger)
    assert visitor.delete(f"{URL}v-1/").status_code == 401
    assert client.delete(f"{URL}v-1/?site=shop").status_code == 403
    assert Event.objects.count() == 1


def test_staff_name_the_site(client, site, variant):
    stored(variant, "v-1")
    client.force_login(factories.make_member(site, "owner", name="shopkeeper"))
    assert client.delete(f"{URL}v-1/").json()["field"] == "site"
    assert client.delete(f"{URL}v-1/?site=none").status_code == 404
    assert client.delete(f"{URL}v-1/?site=shop").status_code == 204


@pytest.mark.parametrize("method", ["post", "put", "patch"])
def test_visitor_can_only_be_read_and_deleted(server, variant, method):
    assert getattr(server, method)(f"{URL}v-1/").status_code == 405


def test_visitor_of_two_sites_stays_on_the_other(server, other_site, variant):
    rival = factories.make_running_experiment(factories.make_slot(other_site), "rival-test")
    stored(variant, "v-1")
    stored(rival.variants.get(key="b"), "v-1")
    server.delete(f"{URL}v-1/")
    assert Event.objects.get().experiment == rival


def test_silent_redis_is_503_until_all_is_erased(server, variant, settings):
    stored(variant, "v-1")
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = server.delete(f"{URL}v-1/")
    assert (answer.status_code, "repeat it" in answer.json()["detail"]) == (503, True)
    settings.CTAOPT_EVENTS_URL = ""
    assert server.delete(f"{URL}v-1/").status_code == 204


def test_erasure_by_a_key_is_logged_without_the_visitor(server, variant):
    stored(variant, "v-1")
    server.delete(f"{URL}v-1/")
    server.delete(f"{URL}never-seen/")
    record = AccessRecord.objects.get()
    assert (record.kind, record.key) == ("erased", "backend (shop-server-…)")
    assert record.note == "events: 1, experiments: 0"


def test_visitor_is_exported(server, variant):
    stored(variant, "v-1")
    answer = server.get(f"{URL}v-1/")
    assert answer.status_code == 200
    assert (answer.json()["visitor"], answer.json()["counts"]["events"]) == ("v-1", 1)
    record = AccessRecord.objects.get()
    assert (record.kind, record.key) == ("exported", "backend (shop-server-…)")


@pytest.mark.parametrize("visitor", ["no-such", "%00", "x" * 201])
def test_export_of_an_unknown_visitor_is_not_found(server, variant, visitor):
    assert server.get(f"{URL}{visitor}/").status_code == 404
    assert not AccessRecord.objects.exists()


def test_strangers_and_lower_roles_export_nothing(
    client, visitor, other_server, stranger, site, variant
):
    stored(variant, "v-1")
    assert visitor.get(f"{URL}v-1/").status_code == 401
    assert other_server.get(f"{URL}v-1/").status_code == 404
    for person in (stranger, factories.make_member(site, "marketer", name="marketer")):
        client.force_login(person)
        assert client.get(f"{URL}v-1/?site=shop").status_code == 403


def test_silent_redis_is_503_for_an_export(server, variant, settings):
    stored(variant, "v-1")
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    answer = server.get(f"{URL}v-1/")
    assert (answer.status_code, "repeat it" in answer.json()["detail"]) == (503, True)
