import pytest
from django.urls import reverse

from experiments.models import CacheWatch
from tests.factories import NOW

FROZEN = "One arm is frozen: a cache may be serving it to everyone"


@pytest.fixture
def frozen(running_experiment):
    """The running experiment with an alarm: a cache serves arm b to everybody."""
    CacheWatch.objects.create(
        experiment=running_experiment,
        checked_until=NOW,
        alarmed_at=NOW,
        arm=running_experiment.variants.get(arm=1),
        visitors=42,
        in_arm=40,
    )
    return running_experiment


def test_dashboard_and_report_raise_the_alarm_of_a_frozen_arm(admin_client, frozen):
    assert FROZEN in admin_client.get(reverse("admin:index")).content.decode()
    url = reverse("admin:experiments_experiment_report", args=[frozen.pk])
    page = admin_client.get(url).content.decode()
    assert FROZEN in page
    assert "in the last hour checked, 40 of 42 new visitors saw the arm “b”" in page


def test_no_verdict_is_given_while_the_alarm_stands(admin_client, frozen):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "No verdict: the data cannot be trusted." in page
    assert "Keep it running" not in page


def test_alarm_goes_when_somebody_has_found_the_cause(admin_client, frozen):
    step = reverse("admin:experiments_experiment_step", args=[frozen.pk, "dismiss-cache-alarm"])
    page = admin_client.post(step, follow=True).content.decode()
    assert FROZEN not in page
    assert CacheWatch.objects.get().alarmed_at is None


def test_healthy_experiment_shows_no_alarm(admin_client, running_experiment):
    assert FROZEN not in admin_client.get(reverse("admin:index")).content.decode()


def test_dashboard_lists_live_experiments_with_their_verdict(admin_client, running_experiment):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "hero-test" in page
    assert "No visitors are arriving." in page


def test_dashboard_says_what_to_do_when_nothing_runs(admin_client, draft):
    page = admin_client.get(reverse("admin:index")).content.decode()
    assert "None yet. An experiment needs a slot and two CTAs, and must be started." in page


def test_dashboard_hides_experiments_from_people_without_rights(
    client, stranger, running_experiment
):
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert "hero-test" not in client.get(reverse("admin:index")).content.decode()
