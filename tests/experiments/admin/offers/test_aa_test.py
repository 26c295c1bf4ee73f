import re
from datetime import timedelta

import pytest
from django.urls import reverse

from experiments.models import Experiment, PastTest
from experiments.services.archive.keeping import keep_past_tests
from tests import factories
from tests.experiments.services.reporting.test_aa_tests import make_aa_test
from tests.factories import NOW

PAGE = reverse("admin:experiments_experiment_aa")


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def report_of(experiment):
    return reverse("admin:experiments_experiment_report", args=[experiment.pk])


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def stopped(slot):
    """An A/A test that has ended."""
    state = {"status": Experiment.Status.STOPPED, "stopped_at": NOW - timedelta(days=1)}
    return make_aa_test(slot, "past-aa", counts=((10_000, 500), (10_000, 510)), **state)


def test_only_slot_is_chosen_and_explained(admin_client, slot):
    page = text_of(admin_client.get(PAGE))
    assert f'value="{slot.pk}" selected' in page
    assert "Nothing is known yet of the visitors of this slot. It takes at least 7 days" in page
    assert "No A/A test of this site has finished yet." in page
    assert not Experiment.objects.exists()


def test_button_makes_a_draft_and_leads_to_its_report(admin_client, slot):
    answer = admin_client.post(PAGE, {"slot": slot.pk}, follow=True)
    draft = Experiment.objects.get()
    assert answer.redirect_chain == [(report_of(draft), 302)]
    page = text_of(answer)
    assert "Draft of an A/A test created." in page
    assert 'href="#aa-test">A/A test</a>' in page


@pytest.mark.parametrize("slot_of", ["", "nonsense", "9" * 30, "-1"])
def test_unknown_slot_is_refused_beside_its_field(admin_client, slot, slot_of):
    answer = admin_client.post(PAGE, {"slot": slot_of})
    assert answer.status_code == 200
    assert "errorlist" in text_of(answer)
    assert not Experiment.objects.exists()


def test_slot_of_another_site_is_not_there(client, slot):
    other = factories.make_slot(factories.make_site("other"), "theirs")
    client.force_login(factories.make_member(slot.site, "marketer"))
    assert "Theirs" not in text_of(client.get(PAGE, {"slot": other.pk}))
    client.post(PAGE, {"slot": other.pk})
    assert not Experiment.objects.exists()


def test_report_shows_split_and_alarm(admin_client, slot):
    running = make_aa_test(slot, counts=((10_000, 500), (10_000, 700)))
    page = text_of(admin_client.get(report_of(running)))
    part = page.partition('id="aa-title"')[2].partition("</section>")[0]
    assert part.count("50.0%") == 4
    assert "<strong>Alarm</strong>" in part
    assert "No A/A test of this site has finished yet." in part
    # Nothing is gained by one of two arms that are the same.
    assert "clicks a month" not in page


def test_report_counts_the_others_of_the_site(admin_client, slot, stopped):
    running = make_aa_test(slot, counts=((10_000, 500), (10_000, 505)))
    part = text_of(admin_client.get(report_of(running))).partition('id="aa-title"')[2]
    assert "Finished and compared: 1 A/A test. Alarms: 0; chance alone raises 0.1" in part
    assert "> none </td>" in part


def test_report_of_a_real_test_has_no_such_part(admin_client, running_experiment):
    assert "aa-title" not in text_of(admin_client.get(report_of(running_experiment)))


def test_end_offers_no_winner_and_suggests_that_it_passed(admin_client, slot):
    running = make_aa_test(slot, counts=((10_000, 500), (10_000, 510)))
    end = reverse("admin:experiments_experiment_end", args=[running.pk])
    page = text_of(admin_client.get(end))
    assert "winner:b" not in page
    assert 'value="inconclusive" checked' in page
    admin_client.post(end, {"outcome": "winner:b"})
    assert Experiment.objects.get(pk=running.pk).status == Experiment.Status.RUNNING
    admin_client.post(end, {"outcome": "inconclusive", "next_step": "nothing"})
    assert Experiment.objects.get(pk=running.pk).decision.outcome == "inconclusive"


def test_end_after_an_alarm_suggests_that_the_data_are_invalid(admin_client, slot):
    running = make_aa_test(slot, counts=((10_000, 500), (10_000, 700)))
    page = text_of(admin_client.get(reverse("admin:experiments_experiment_end", args=[running.pk])))
    assert 'value="invalid" checked' in page


def test_past_tests_can_be_had_with_or_without(admin_client, slot, stopped):
    real = factories.make_running_experiment(slot, "real", status="stopped", stopped_at=NOW)
    keep_past_tests(now=NOW)
    PastTest.objects.create(
        site=slot.site, source="import", name="imported", verdict="open", digest="d", kept_at=NOW
    )
    listed = reverse("admin:experiments_pasttest_changelist")
    names = {"past-aa", real.name, "imported"}

    def shown(**query):
        page = text_of(admin_client.get(listed, query))
        return {name for name in names if f">{name}<" in page}

    assert shown() == names
    assert shown(aa="only") == {"past-aa"}
    assert shown(aa="none") == names - {"past-aa"}
    assert shown(aa="nonsense") == names


def test_page_of_a_slot_leads_there(admin_client, slot):
    page = text_of(admin_client.get(reverse("admin:experiments_slot_change", args=[slot.pk])))
    assert f'href="{PAGE}?slot={slot.pk}"' in page
