import re

import pytest

from experiments.models import AccessRecord, Event
from tests import factories
from tests.servers import free_port

URL = "/admin/experiments/site/erase-visitor/"


@pytest.fixture
def named(running_experiment):
    """Visitor `v-1`, with an event; what the form sends about them."""
    factories.make_event(running_experiment.variants.get(key="b"))
    return {"site": running_experiment.slot.site.pk, "visitor": "v-1"}


def test_page_asks_before_it_erases(admin_client, named):
    page = admin_client.post(URL, named).content.decode()
    assert "There is 1 event." in page
    assert "This cannot be undone." in page
    assert Event.objects.count() == 1


def test_confirmed_visitor_is_erased(admin_client, named):
    page = admin_client.post(URL, named | {"confirmed": "yes"}, follow=True)
    assert "Erased: 1 event of v-1." in page.content.decode()
    assert not Event.objects.exists()


def test_unknown_visitor_is_named(admin_client, named):
    unknown = named | {"visitor": "<b>v-2</b>"}
    page = admin_client.post(URL, unknown).content.decode()
    assert "Nothing is stored about this visitor." in page
    assert "<b>v-2</b>" not in page
    page = admin_client.post(URL, unknown | {"confirmed": "yes"}, follow=True).content.decode()
    assert "Nothing is stored about &lt;b&gt;v-2&lt;/b&gt; on this site." in page
    assert Event.objects.count() == 1


@pytest.mark.parametrize("changes", [{"visitor": ""}, {"visitor": "a\nb"}, {"site": "999"}])
def test_impossible_visitor_is_refused(admin_client, named, changes):
    page = admin_client.post(URL, named | changes | {"confirmed": "yes"})
    assert page.status_code == 200
    assert page.context["form"].errors
    assert Event.objects.count() == 1


def test_page_is_for_those_who_may_change_events(client, stranger, named):
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert client.post(URL, named | {"confirmed": "yes"}).status_code == 403
    assert Event.objects.count() == 1


def test_menu_leads_to_the_page(admin_client):
    assert URL in admin_client.get("/admin/").content.decode()
    assert admin_client.get(URL).status_code == 200


def test_visitor_is_exported_as_a_file_that_does_not_name_them(admin_client, named):
    assert "exported" in admin_client.post(URL, named).content.decode()
    answer = admin_client.post(URL, named | {"exported": "yes"})
    assert answer.headers["Content-Type"] == "application/json"
    disposition = answer.headers["Content-Disposition"]
    assert re.fullmatch(r'attachment; filename="visitor-shop-[\d-]{10}\.json"', disposition)
    assert answer.json()["counts"]["events"] == 1
    assert Event.objects.count() == 1
    record = AccessRecord.objects.get()
    assert (record.kind, record.author.username) == ("exported", "owner")


def test_export_of_an_unknown_visitor_says_so(admin_client, named):
    sent = named | {"visitor": "v-2", "exported": "yes"}
    page = admin_client.post(URL, sent, follow=True).content.decode()
    assert "Nothing is stored about v-2 on this site." in page


def test_export_asks_to_repeat_while_redis_is_silent(admin_client, named, settings):
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    page = admin_client.post(URL, named | {"exported": "yes"}, follow=True).content.decode()
    assert "Nothing is exported: Redis does not answer." in page
