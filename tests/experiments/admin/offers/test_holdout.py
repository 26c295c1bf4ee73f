import re
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from experiments.models import Site
from tests import factories


def page_of(site):
    return reverse("admin:experiments_site_holdout", args=[site.pk])


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def test_owner_sets_the_size_and_it_is_recorded(client, site):
    client.force_login(factories.make_member(site, "owner"))
    page = text_of(client.get(page_of(site)))
    assert "Keep a holdout" in page
    # 2 * 5 % / 95 % of the visitors less: 1 / 0.95 - 1.
    assert '<td class="cta-number">5%</td> <td class="cta-number">19,828</td>' in page
    answer = client.post(page_of(site), {"size": "0.05", "before": "0"}, follow=True)
    assert "Held out from now on: 5%." in text_of(answer)
    assert Site.objects.get().holdout == Decimal("0.05")
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("owner", str(site.pk))


@pytest.mark.parametrize("size", ["", "0.9", "-0.1", "nonsense", "NaN"])
def test_another_size_is_refused(admin_client, site, size):
    answer = admin_client.post(page_of(site), {"size": size, "before": "0"}, follow=True)
    assert "Choose one of the sizes." in text_of(answer)
    assert Site.objects.get().holdout == 0


def test_second_of_two_owners_is_told(admin_client, site):
    Site.objects.update(holdout="0.1")
    answer = admin_client.post(page_of(site), {"size": "0.05", "before": "0"}, follow=True)
    assert "Somebody else has changed it meanwhile" in text_of(answer)
    assert Site.objects.get().holdout == Decimal("0.1")


def test_live_tests_are_named_before_it_changes(admin_client, running_experiment):
    page = text_of(admin_client.get(page_of(running_experiment.slot.site)))
    assert "Tests are live." in page
    assert reverse("admin:experiments_experiment_report", args=[running_experiment.pk]) in page


def test_size_that_the_page_does_not_offer_stays_chosen(admin_client, site):
    Site.objects.update(holdout="0.125")
    assert 'value="0.125" selected>12.50%' in text_of(admin_client.get(page_of(site)))


@pytest.mark.parametrize("role", ["viewer", "marketer"])
def test_others_read_it_and_do_not_set_it(client, site, role):
    client.force_login(factories.make_member(site, role))
    assert 'name="size"' not in text_of(client.get(page_of(site)))
    assert client.post(page_of(site), {"size": "0.05", "before": "0"}).status_code == 403
    assert Site.objects.get().holdout == 0
