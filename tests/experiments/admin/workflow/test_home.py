import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from experiments.models import CacheWatch, Experiment, Site, SnippetSighting
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.decisions import Choice
from experiments.services.lifecycle.transitions import pause_experiment, stop_experiment
from experiments.services.reporting.end_of_test import end_test
from experiments.services.reporting.standings import keep_standings
from tests import factories
from tests.experiments.services.counted_experiments import count
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


def test_dashboard_hides_experiments_from_people_without_rights(
    client, stranger, running_experiment
):
    stranger.is_staff = True
    stranger.save()
    client.force_login(stranger)
    assert "hero-test" not in client.get(reverse("admin:index")).content.decode()


def home(client, *, keeps=True):
    """The words of the first page, after the background task has run."""
    if keeps:
        keep_standings(now=NOW)
    return re.sub(r"\s+", " ", client.get(reverse("admin:index")).content.decode())


def section(page, title):
    """The part of the page below a heading."""
    return page.partition(f">{title}</h2>")[2].partition("</section>")[0]


@pytest.fixture
def today(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def won(running_experiment, today):
    """The running test in which arm b does far better."""
    count(running_experiment, (1_000, 60), (1_000, 150))
    return running_experiment


def test_won_test_asks_for_its_decision_with_one_click(admin_client, won):
    part = section(home(admin_client), "Needs a decision")
    assert "Ship “hero-test b”." in part
    end = reverse("admin:experiments_experiment_end", args=[won.pk])
    assert f'href="{end}?outcome=winner:b">Ship “hero-test b”</a>' in part


def test_viewer_is_led_to_the_report_only(viewer_client, won):
    page = home(viewer_client)
    report = reverse("admin:experiments_experiment_report", args=[won.pk])
    assert f'href="{report}">Report</a>' in section(page, "Needs a decision")
    assert "/end/" not in page


@pytest.mark.parametrize(
    ("counts", "title", "action"),
    [
        (((1_000, 150), (1_000, 50)), "Stop: every other arm", "Stop and keep the control"),
        (((1_000, 60), (2_000, 300)), "No verdict: the data", "Look into it"),
    ],
    ids=["harmed", "invalid"],
)
def test_harm_and_broken_data_ask_for_a_look(
    admin_client, running_experiment, today, counts, title, action
):
    count(running_experiment, *counts)
    part = section(home(admin_client), "Needs a decision")
    assert title in part
    assert f">{action}</a>" in part


def test_ended_test_asks_until_it_is_decided(admin_client, won):
    stop_experiment(experiment=won, now=NOW)
    part = section(home(admin_client), "Needs a decision")
    assert "It has ended without a decision." in part
    assert ">Decide</a>" in part
    choice = Choice(outcome="winner", arm="b")
    end_test(experiment=won, choice=choice, occasion=Occasion(now=NOW))
    page = home(admin_client)
    assert "hero-test" not in section(page, "Needs a decision")
    assert "“hero-test b” has won" in section(page, "Decided lately")


def test_test_that_nobody_sees_is_named(admin_client, running_experiment, today):
    part = section(home(admin_client), "Needs a decision")
    assert "No visitor has seen it yet" in part


def test_rolled_back_test_is_named(admin_client, won):
    pause_experiment(experiment=won, now=NOW)
    Experiment.objects.update(rolled_back_at=NOW, rollback_reason="{}")
    part = section(home(admin_client), "Needs a decision")
    assert "It was rolled back: resume or end it." in part


def test_quiet_test_runs_with_its_figures(admin_client, running_experiment, today):
    count(running_experiment, (1_000, 60), (1_000, 61), day=NOW.date())
    page = home(admin_client)
    part = section(page, "Running")
    assert "Keep it running: no answer yet." in part
    assert "<dt>Visitors</dt><dd>2,000</dd>" in part
    assert "<dt>Today</dt><dd>2,000</dd>" in part
    assert "<dt>Health</dt><dd>good</dd>" in part
    slots = section(page, "Visitors of running tests, by slot")
    assert slots.count("2,000") == 2


def test_test_without_a_standing_runs_on(admin_client, running_experiment, today):
    part = section(home(admin_client, keeps=False), "Running")
    assert "Its verdict is being computed." in part


def test_draft_names_what_it_lacks(admin_client, slot):
    factories.make_experiment(slot, shares={"control": "0.5"})
    part = section(home(admin_client), "Drafts, and what they lack")
    assert "An experiment needs a control and at least one other arm." in part
    factories.make_experiment(slot, "ready-test")
    assert "Ready to start" in section(home(admin_client), "Drafts, and what they lack")


def test_new_installation_begins_with_a_site(admin_client):
    part = section(home(admin_client), "First steps")
    assert ">Add a site</a>" in part
    assert part.count("cta-step-done") == 0


def test_steps_are_ticked_by_what_is_there(admin_client, site, today):
    part = section(home(admin_client), "First steps")
    assert "Shop has no address yet" in part
    assert "&lt;script async src=&quot;http://testserver/cta.js&quot;" in part
    # The words that stand there now can be typed with the slot.
    slot_page = reverse("admin:experiments_slot_compose")
    assert f"{slot_page}?site={site.pk}" in part
    Site.objects.update(address="https://shop.example")
    SnippetSighting.objects.create(site=site, seen_at=NOW - timedelta(minutes=3), path="/signup")
    slot = factories.make_slot(site)
    part = section(home(admin_client), "First steps")
    assert "Seen 3 minutes ago on /signup" in part
    assert part.count("cta-step-done") == 3
    # Further wordings are typed in the new experiment.
    assert f"{reverse('admin:experiments_experiment_new')}?slot={slot.pk}" in part
    factories.make_cta(site, "Start now")
    part = section(home(admin_client), "First steps")
    assert part.count("cta-step-done") == 4
    factories.make_running_experiment(slot)
    assert "First steps" not in home(admin_client)


def test_key_follows_the_name_of_a_new_site_only(admin_client, site):
    derived = "#id_key"
    new = admin_client.get(reverse("admin:experiments_site_add")).content.decode()
    there = admin_client.get(reverse("admin:experiments_site_change", args=[site.pk]))
    assert f"&quot;id&quot;: &quot;{derived}&quot;" in new
    assert f"&quot;id&quot;: &quot;{derived}&quot;" not in there.content.decode()


def test_path_of_a_page_is_escaped(admin_client, site):
    SnippetSighting.objects.create(site=site, seen_at=NOW, path="/<script>alert(1)</script>")
    assert "<script>alert" not in home(admin_client)


def test_viewer_is_not_asked_to_set_up(viewer_client, site):
    assert "First steps" not in home(viewer_client)


def test_other_sites_are_not_shown(viewer_client, other_site, today):
    slot = factories.make_slot(other_site, "secret-slot")
    factories.make_running_experiment(slot, "secret-test")
    factories.make_experiment(slot, "secret-draft")
    page = home(viewer_client)
    assert "secret" not in page


def test_queries_do_not_grow_with_the_experiments(admin_client, site, today):
    queries = []
    for n in range(3):
        for k in range(8):
            slot = factories.make_slot(site, f"slot-{n}-{k}")
            experiment = factories.make_running_experiment(slot, f"live-{n}-{k}")
            count(experiment, (1_000, 60), (1_000, 150 if k % 2 else 61))
            factories.make_experiment(slot, f"draft-{n}-{k}")
        keep_standings(now=NOW)
        with CaptureQueriesContext(connection) as captured:
            admin_client.get(reverse("admin:index"))
        queries.append(len(captured))
    assert queries[1] == queries[2] <= 40
