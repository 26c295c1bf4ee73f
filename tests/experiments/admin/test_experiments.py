from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.models import (
    Experiment,
    Guardrail,
)
from tests import factories


def report_url(experiment):
    return reverse("admin:experiments_experiment_report", args=[experiment.pk])


def step_url(experiment, name):
    return reverse("admin:experiments_experiment_step", args=[experiment.pk, name])


def test_page_of_a_draft_shows_what_its_guardrails_cost(admin_client, slot):
    past = factories.make_running_experiment(slot)
    draft = factories.make_experiment(slot, "next", primary_metric="conversion_rate", goal="order")
    rail = Guardrail.objects.create(experiment=draft, metric="click_rate")
    yesterday = timezone.now().date() - timedelta(days=1)
    for variant in past.variants.all():
        factories.make_rollup(variant, visitors=500, clicks=25, day=yesterday)
    draft.planned_visitors = 100_000
    draft.save()
    page = admin_client.get(report_url(draft)).content.decode()
    assert "What the guardrails cost" in page
    assert "The plan is 100,000 visitors" in page
    url = reverse("admin:experiments_experiment_step", args=[draft.pk, "fit-margins"])
    assert url in page
    admin_client.post(url)
    rail.refresh_from_db()
    assert 0.05 < rail.margin < 0.15
    assert url not in admin_client.get(report_url(draft)).content.decode()


def test_draft_takes_a_guardrail_and_its_copy_keeps_it(admin_client, draft):
    Guardrail.objects.create(experiment=draft, metric="conversion_rate", goal="order")
    page = admin_client.get(reverse("admin:experiments_experiment_change", args=[draft.pk]))
    assert 'name="guardrails-0-margin"' in page.content.decode()
    url = reverse("admin:experiments_experiment_changelist")
    admin_client.post(url, {"action": "duplicate", "_selected_action": [draft.pk]})
    copy = Experiment.objects.exclude(pk=draft.pk).get()
    assert [rail.goal for rail in copy.guardrails.all()] == ["order"]
    assert draft.guardrails.count() == 1


def form_with_guardrail(admin_client, draft, **rail):
    """Return address and fields of the form of a draft that gets a guardrail."""
    url = reverse("admin:experiments_experiment_change", args=[draft.pk])
    fields = admin_client.get(url).context["adminform"].form.initial
    form = {name: value for name, value in fields.items() if value is not None}
    form |= {"coverage": "100"}
    form |= {"variants-TOTAL_FORMS": 2, "variants-INITIAL_FORMS": 2}
    for number, arm in enumerate(draft.variants.all()):
        row = {"id": arm.pk, "arm": arm.arm, "key": arm.key, "cta": arm.cta_id, "share": "50"}
        form |= {f"variants-{number}-{name}": value for name, value in row.items()}
    form |= {"guardrails-TOTAL_FORMS": 1, "guardrails-INITIAL_FORMS": 0}
    form |= {"secondary_metrics-TOTAL_FORMS": 0, "secondary_metrics-INITIAL_FORMS": 0}
    return url, form | {f"guardrails-0-{name}": value for name, value in rail.items()}


@pytest.mark.parametrize(("clicks", "least", "most"), [(25, 0.05, 0.15), (0, 0.02, 0.02)])
def test_margin_that_is_left_open_is_what_the_plan_can_exclude(
    admin_client, slot, clicks, least, most
):
    past = factories.make_running_experiment(slot)
    plan = {"primary_metric": "conversion_rate", "goal": "order", "planned_visitors": 100_000}
    draft = factories.make_experiment(slot, "next", **plan)
    for variant in past.variants.all():
        day = timezone.now().date() - timedelta(days=1)
        factories.make_rollup(variant, visitors=500, clicks=clicks, day=day)
    rail = {"metric": "click_rate", "goal": "", "margin": "", "higher_is_better": "on"}
    url, form = form_with_guardrail(admin_client, draft, **rail)
    assert admin_client.post(url, form).status_code == 302
    assert least <= draft.guardrails.get().margin <= most
    draft.guardrails.all().delete()
    url, form = form_with_guardrail(admin_client, draft, **(rail | {"margin": "3"}))
    admin_client.post(url, form)
    assert draft.guardrails.get().margin == 0.03


@pytest.mark.parametrize("typed", ["3,5", "3.5", "3.5 %"])
def test_margin_is_typed_and_shown_in_per_cent(admin_client, draft, typed):
    rail = {"metric": "conversion_rate", "goal": "order", "higher_is_better": "on"}
    url, form = form_with_guardrail(admin_client, draft, **rail, margin=typed)
    assert admin_client.post(url, form).status_code == 302
    assert draft.guardrails.get().margin == 0.035
    assert 'name="guardrails-0-margin" value="3.5"' in admin_client.get(url).content.decode()


def test_margin_of_the_plan_stays_as_exact_as_it_is(admin_client, draft):
    Guardrail.objects.create(
        experiment=draft, metric="conversion_rate", goal="order", margin=0.03127
    )
    rail = {"metric": "conversion_rate", "goal": "order", "margin": "3.13"}
    url, form = form_with_guardrail(admin_client, draft, **rail, id=draft.guardrails.get().pk)
    admin_client.post(url, form | {"guardrails-INITIAL_FORMS": 1})
    assert draft.guardrails.get().margin == 0.03127


@pytest.mark.parametrize("typed", ["0,02 of it", "101", "2.123"])
def test_margin_that_is_no_percentage_is_refused(admin_client, draft, typed):
    rail = {"metric": "conversion_rate", "goal": "order", "margin": typed}
    url, form = form_with_guardrail(admin_client, draft, **rail)
    assert "Write a" in admin_client.post(url, form).content.decode()
    assert not draft.guardrails.exists()


def test_guardrail_on_the_primary_metric_is_refused_with_a_reason(admin_client, draft):
    rail = {"metric": "click_rate", "goal": "", "margin": "2"}
    url, form = form_with_guardrail(admin_client, draft, **rail)
    body = admin_client.post(url, form).content.decode()
    assert "A guardrail on the primary metric adds nothing" in body
    assert not draft.guardrails.exists()
    other = {"guardrails-0-metric": "conversion_rate", "guardrails-0-goal": "order"}
    assert admin_client.post(url, form | other).status_code == 302
    assert draft.guardrails.get().goal == "order"


def test_step_moves_a_draft_to_running(admin_client, draft):
    response = admin_client.post(step_url(draft, "start"))
    draft.refresh_from_db()
    assert response.url == report_url(draft)
    assert draft.status == Experiment.Status.RUNNING


def test_step_says_why_an_experiment_cannot_start(admin_client, slot):
    experiment = factories.make_experiment(slot, shares={"control": "0.5", "b": "0.4"})
    page = admin_client.post(step_url(experiment, "start"), follow=True).content.decode()
    assert "The shares add up to 90%; they must add up to 100%." in page


def test_step_twice_is_said_to_be_impossible(admin_client, running_experiment):
    page = admin_client.post(step_url(running_experiment, "start"), follow=True).content.decode()
    assert "Not possible while the experiment is in state “Running”." in page


def test_step_needs_a_post(admin_client, draft):
    assert admin_client.get(step_url(draft, "start")).status_code == 405


def test_step_of_another_name_is_not_found(admin_client, draft):
    assert admin_client.post(step_url(draft, "explode")).status_code == 404


def test_step_is_refused_to_a_person_who_may_only_look(viewer_client, draft):
    assert viewer_client.post(step_url(draft, "start")).status_code == 403


def test_running_experiment_is_read_only(admin_client, running_experiment):
    url = reverse("admin:experiments_experiment_change", args=[running_experiment.pk])
    assert admin_client.post(url, {"name": "other"}).status_code == 403


def test_duplicate_makes_a_draft_with_the_same_arms(admin_client, running_experiment):
    url = reverse("admin:experiments_experiment_changelist")
    data = {"action": "duplicate", "_selected_action": [running_experiment.pk]}
    admin_client.post(url, data)
    copy = Experiment.objects.get(status=Experiment.Status.DRAFT)
    assert copy.name == "hero-test (copy)"
    assert [arm.key for arm in copy.variants.order_by("arm")] == ["control", "b"]


def test_newest_draft_is_on_top_of_the_list(admin_client, slot, running_experiment):
    for key in ("first", "second"):
        factories.make_experiment(slot, key)
    page = admin_client.get(reverse("admin:experiments_experiment_changelist"))
    keys = [one.key for one in page.context["cl"].queryset]
    assert keys == ["second", "first", running_experiment.key]


def test_filter_of_very_many_slots_gives_way_to_the_search(admin_client, site, monkeypatch):
    lists = reverse("admin:experiments_experiment_changelist")
    for number in range(4):
        factories.make_experiment(factories.make_slot(site, f"slot-{number}"), f"test-{number}")
    assert "slot__id__exact=" in admin_client.get(lists).content.decode()
    monkeypatch.setattr("experiments.admin.base.MOST_CHOICES", 3)
    assert "slot__id__exact=" not in admin_client.get(lists).content.decode()
    found = admin_client.get(lists, {"q": "slot-2"}).content.decode()
    assert [f"test-{number}" in found for number in range(4)] == [False, False, True, False]


def test_list_names_every_status_in_words(admin_client, draft):
    url = reverse("admin:experiments_experiment_changelist")
    for status, label in Experiment.Status.choices:
        stop = factories.NOW if status in ("stopped", "archived") else None
        Experiment.objects.update(status=status, started_at=factories.STARTED, stopped_at=stop)
        assert f"\n{label}\n" in admin_client.get(url).content.decode()


def experiment_form(slot, **changes):
    """The form of a draft with two arms, filled in."""
    forms = {"TOTAL_FORMS": "2", "INITIAL_FORMS": "0", "MIN_NUM_FORMS": "2", "MAX_NUM_FORMS": "9"}
    values = {
        "name": "New",
        "key": "new",
        "slot": slot.pk,
        "primary_metric": "click_rate",
        "conversion_window_hours": "72",
        "plan": "sequential",
        "alpha": "0.05",
        "coverage": "100",
        "guardrails-TOTAL_FORMS": "0",
        "guardrails-INITIAL_FORMS": "0",
        "secondary_metrics-TOTAL_FORMS": "0",
        "secondary_metrics-INITIAL_FORMS": "0",
        **{f"variants-{name}": number for name, number in forms.items()},
    }
    for arm, key in enumerate(("control", "b")):
        row = {"arm": arm, "key": key, "cta": slot.default_cta_id, "share": "50"}
        values |= {f"variants-{arm}-{name}": value for name, value in row.items()}
    return values | changes


def fill_slot(slot):
    """A thousand visitors a day at a rate of 5 %, for a day."""
    past = factories.make_running_experiment(slot, "past")
    yesterday = timezone.now().date() - timedelta(days=1)
    for variant in past.variants.all():
        factories.make_rollup(variant, visitors=500, clicks=25, day=yesterday)


def test_new_experiment_gets_its_slots_own_number_and_says_so(admin_client, slot):
    fill_slot(slot)
    url = reverse("admin:experiments_experiment_add")
    page = admin_client.post(url, experiment_form(slot), follow=True).content.decode()
    draft = Experiment.objects.get(key="new")
    assert draft.planned_visitors == draft.planned_visitors_basis["visitors"] > 60_000
    assert "computed from this slot" in page
    assert "computed from this slot" in admin_client.get(report_url(draft)).content.decode()


def test_number_that_is_far_off_is_said_where_it_is_saved_and_on_the_page(admin_client, slot):
    fill_slot(slot)
    url = reverse("admin:experiments_experiment_add")
    form = experiment_form(slot, planned_visitors="900000")
    page = admin_client.post(url, form, follow=True).content.decode()
    draft = Experiment.objects.get(key="new")
    assert (draft.planned_visitors, draft.planned_visitors_basis) == (900_000, None)
    for shown in (page, admin_client.get(report_url(draft)).content.decode()):
        assert "900,000 planned visitors are" in shown
        assert "times as many as this slot needs" in shown


def test_duplicate_of_a_planned_draft_is_planned_anew(admin_client, slot, draft):
    fill_slot(slot)
    url = reverse("admin:experiments_experiment_changelist")
    admin_client.post(url, {"action": "duplicate", "_selected_action": [draft.pk]})
    copy = Experiment.objects.get(key__startswith="hero-test-")
    assert copy.planned_visitors == copy.planned_visitors_basis["visitors"]


def test_plan_cannot_change_after_the_start(admin_client, running_experiment):
    url = reverse("admin:experiments_experiment_change", args=[running_experiment.pk])
    form = experiment_form(running_experiment.slot, planned_visitors="5")
    assert admin_client.post(url, form).status_code == 403
    running_experiment.refresh_from_db()
    assert running_experiment.planned_visitors is None


def test_form_of_an_experiment_is_in_the_time_zone_of_its_site(admin_client, slot):
    factories.set_zone(slot, "Europe/Paris")
    times = {"starts_at_0": "2031-01-15", "starts_at_1": "09:00"}
    admin_client.post(reverse("admin:experiments_experiment_add"), experiment_form(slot, **times))
    draft = Experiment.objects.get(key="new")
    assert draft.starts_at == datetime(2031, 1, 15, 8, 0, tzinfo=UTC)
    url = reverse("admin:experiments_experiment_change", args=[draft.pk])
    assert 'value="09:00:00"' in admin_client.get(url).content.decode()


def test_draft_takes_secondary_metrics_and_its_copy_keeps_them(admin_client, slot):
    rows = {"secondary_metrics-TOTAL_FORMS": "1", "secondary_metrics-0-metric": "value_per_visitor"}
    form = experiment_form(slot, **rows, **{"secondary_metrics-0-goal": "order"})
    admin_client.post(reverse("admin:experiments_experiment_add"), form)
    draft = Experiment.objects.get(key="new")
    url = reverse("admin:experiments_experiment_changelist")
    admin_client.post(url, {"action": "duplicate", "_selected_action": [draft.pk]})
    for experiment in Experiment.objects.all():
        assert [str(row) for row in experiment.secondary_metrics.all()] == [
            "Value per visitor order"
        ]


def test_form_of_nothing_is_in_no_time_zone(admin_client, slot):
    for pk in ("404", "9" * 30, "x"):
        url = reverse("admin:experiments_experiment_change", args=[pk])
        assert admin_client.get(url).status_code == 404


def test_duplicating_twice_within_a_second_makes_two_drafts(admin_client, draft, time_machine):
    time_machine.move_to(factories.NOW, tick=False)
    url = reverse("admin:experiments_experiment_changelist")
    for _ in range(2):
        admin_client.post(url, {"action": "duplicate", "_selected_action": [draft.pk]})
    assert Experiment.objects.filter(key__startswith="hero-test-").count() == 2


@pytest.mark.parametrize("field", ["slot", "audience", "variants-0-cta"])
@pytest.mark.parametrize("value", ["x", "9" * 30])
def test_reference_to_no_row_is_refused(admin_client, draft, field, value):
    url = reverse("admin:experiments_experiment_change", args=[draft.pk])
    form = {"variants-TOTAL_FORMS": "2", "variants-INITIAL_FORMS": "0", field: value}
    answer = admin_client.post(url, form)
    assert answer.status_code == 200
    assert draft.variants.count() == 2


@pytest.mark.parametrize("chosen", ["x", "1e20", "1' OR '1'='1", "", "9" * 30])
@pytest.mark.parametrize("action", ["duplicate", "delete_selected"])
def test_choice_that_is_no_row_is_refused(admin_client, draft, action, chosen):
    url = reverse("admin:experiments_experiment_changelist")
    answer = admin_client.post(url, {"action": action, "_selected_action": [chosen]})
    assert answer.status_code == 400
    assert Experiment.objects.get() == draft


def test_page_of_a_slot_lists_live_tests_in_their_order(admin_client, slot):
    wide = factories.make_running_experiment(slot, "wide")
    phones = factories.make_audience(slot.site, "phones", {"device": "mobile"})
    narrow = factories.make_running_experiment(slot, "narrow", audience=phones)
    page = admin_client.get(f"/admin/experiments/slot/{slot.pk}/change/").content.decode()
    first, second = (page.index(f"/experiment/{one.pk}/report/") for one in (narrow, wide))
    assert first < second
