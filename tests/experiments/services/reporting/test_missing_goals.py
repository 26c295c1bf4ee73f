from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.event_schema.ids import day_of
from experiments.models import Event, Experiment, PendingBatch
from experiments.selectors import reports
from experiments.services.events.partitions import make_partitions
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.missing_goals import missing_goal_in_words
from experiments.services.reporting.report_json import report_as_json
from experiments.services.reporting.standings import keep_standings, standing_alarms
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

DAY = timedelta(days=1)


def converted(site, goal, n=1, *, at=NOW - DAY):
    batch = PendingBatch.objects.create(n_events=n, stored_at=at)
    for number in range(n):
        identity = factories.event_id(at)
        make_partitions([day_of(identity)])
        Event.objects.create(
            site=site, event_id=identity, type="conversion", visitor=f"w-{number}", goal=goal,
            occurred_at=at, received_at=at, batch=batch.pk,
        )  # fmt: skip


def running(slot, *, visitors=500, converting=0, **changes):
    values = {"primary_metric": "conversion_rate", "goal": "order", **changes}
    live = factories.make_running_experiment(slot, **values)
    for variant in live.variants.all():
        factories.make_rollup(variant, visitors=visitors, converting_visitors=converting)
    return live


def missing(experiment):
    row = reports.experiments_for_report().get(pk=experiment.pk)
    return full_report(experiment=row, now=NOW).missing_goals


def test_goal_that_never_arrives_is_named_with_those_that_do(slot):
    live = running(slot)
    converted(slot.site, "newsletter", 3)
    converted(slot.site, "Order_completed", 2)
    (found,) = missing(live)
    assert (found.goal, found.conversions) == ("order", 0)
    assert found.arriving == (("newsletter", 3), ("Order_completed", 2))
    said = missing_goal_in_words(found)
    assert "“order”" in said
    assert "newsletter (3)" in said


def test_nearest_spelling_is_named_first(slot):
    live = running(slot, goal="purchase")
    converted(slot.site, "newsletter", 9)
    converted(slot.site, "Purchased", 2)
    (found,) = missing(live)
    assert found.arriving == (("Purchased", 2), ("newsletter", 9))


def test_goal_that_arrives_for_others_only_is_told_as_such(slot):
    live = running(slot)
    converted(slot.site, "order", 30)
    (found,) = missing(live)
    assert (found.conversions, found.arriving) == (30, ())
    assert "visitor IDs" in missing_goal_in_words(found)


@pytest.mark.parametrize(
    "case", ["reached", "clicks", "nothing", "nobody", "few", "old", "elsewhere"]
)
def test_nothing_is_said_where_nothing_is_wrong(slot, other_site, case):
    changes = {"reached": {"converting": 2}, "nobody": {"visitors": 0}}.get(case, {})
    if case == "clicks":
        changes = {"primary_metric": "click_rate", "goal": "order"}
    live = running(slot, **changes)
    if case == "few":
        converted(slot.site, "order", 5)
    elif case == "old":
        converted(slot.site, "signup", 3, at=NOW - 9 * DAY)
    elif case == "elsewhere":
        converted(other_site, "signup", 3)
    elif case != "nothing":
        converted(slot.site, "signup", 3)
    assert missing(live) == ()


@pytest.mark.parametrize("part", ["guardrails", "secondary_metrics"])
def test_goals_of_guardrails_and_secondary_metrics_count_too(slot, part):
    live = running(slot, converting=5)
    getattr(live, part).create(metric="conversion_rate", goal="sign-up")
    converted(slot.site, "signup", 4)
    (found,) = missing(live)
    assert (found.goal, found.arriving) == ("sign-up", (("signup", 4),))


def test_json_and_first_page_name_it(slot):
    live = running(slot)
    converted(slot.site, "orders", 4)
    row = reports.experiments_for_report().get(pk=live.pk)
    told = report_as_json(full_report(experiment=row, now=NOW))["missing_goals"]
    assert told == [{"goal": "order", "conversions": 0, "arriving": {"orders": 4}, "days": 7}]
    keep_standings(now=NOW)
    (alarm,) = standing_alarms(Experiment.objects.select_related("standing").get())
    assert "orders (4)" in alarm


def test_page_names_it(admin_client, slot):
    live = running(slot, started_at=timezone.now() - DAY)
    converted(slot.site, "orders", 4, at=timezone.now() - timedelta(hours=2))
    page = admin_client.get(f"/admin/experiments/experiment/{live.pk}/report/").content.decode()
    assert "A goal of the plan does not arrive" in page
    assert "orders (4)" in page


def test_stopped_test_is_judged_by_its_own_last_days(slot):
    live = running(slot)
    converted(slot.site, "signup", 3, at=NOW - 3 * DAY)
    Experiment.objects.filter(pk=live.pk).update(status="stopped", stopped_at=NOW - 2 * DAY)
    assert [one.goal for one in missing(live)] == ["order"]
    Experiment.objects.filter(pk=live.pk).update(stopped_at=NOW - 4 * DAY)
    assert missing(live) == ()
