import re
from datetime import timedelta

from django.urls import reverse

from experiments.models import Experiment, Site
from tests import factories
from tests.experiments.services.reporting.test_aa_tests import make_aa_test
from tests.factories import NOW


def offers(client):
    page = re.sub(r"\s+", " ", client.get(reverse("admin:index")).content.decode())
    return page.partition('id="offers-title"')[2].partition("</section>")[0]


def test_site_without_a_slot_has_no_offer(admin_client, site):
    assert offers(admin_client) == ""


def test_first_page_offers_both(admin_client, slot):
    shown = offers(admin_client)
    assert "No A/A test has run yet" in shown
    assert reverse("admin:experiments_experiment_aa") in shown
    assert "Keep a holdout on Shop" in shown
    assert reverse("admin:experiments_site_holdout", args=[slot.site.pk]) in shown


def test_first_page_names_what_is_there(admin_client, slot):
    Site.objects.update(holdout="0.05")
    running = make_aa_test(slot)
    assert "“aa” has not ended yet." in offers(admin_client)
    assert "Holdout of Shop: 5%" in offers(admin_client)
    ended = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - timedelta(days=1)}
    Experiment.objects.filter(pk=running.pk).update(**ended)
    assert "The last one, “aa”, ended on" in offers(admin_client)


def test_offers_follow_the_role(client, slot):
    client.force_login(factories.make_member(slot.site, "marketer"))
    assert "A/A test" in offers(client)
    assert "holdout" not in offers(client)
    client.force_login(factories.make_member(slot.site, "viewer"))
    assert offers(client) == ""
