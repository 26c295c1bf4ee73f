from dataclasses import replace
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from experiments.models import ExperimentTemplate, Guardrail, SecondaryMetric, Site
from experiments.services.catalogue.editing import CannotSaveError, LockedError, delete_row
from experiments.services.drafting.building import build_experiment
from experiments.services.drafting.checks import Level, checks_of
from experiments.services.drafting.experiment_templates import (
    save_as_template,
    template_in_words,
)
from tests import factories
from tests.factories import NOW

LOOKS = "The new arms have another look than the control: words and look are tested together."


@pytest.fixture
def careful(site):
    """A test of French visitors on sign-ups, with everything that a template keeps."""
    experiment = factories.make_experiment(
        factories.make_slot(site, "footer"),
        "careful",
        audience=factories.make_audience(site),
        primary_metric="conversion_rate",
        goal="signup",
        alpha=0.01,
        coverage=Decimal("0.25"),
        conversion_window_hours=24,
        plan="fixed",
        planned_visitors=9_000,
        strict_guardrails=True,
        rolls_back=False,
    )
    for goal, margin in (("order", 0.05), ("refund", 0.1)):
        Guardrail.objects.create(
            experiment=experiment, metric="conversion_rate", goal=goal, margin=margin,
            higher_is_better=goal == "order",
        )  # fmt: skip
    Guardrail.objects.create(experiment=experiment, metric="click_rate", margin=0.2)
    SecondaryMetric.objects.create(experiment=experiment, metric="value_per_visitor", goal="order")
    return experiment


@pytest.fixture
def template(careful):
    return save_as_template(experiment=careful, name="Careful", now=NOW)


def chosen(choices, template, **changes):
    """What the wizard has once the template has filled its fields."""
    values = {
        "template": template,
        "audience": template.audience,
        "metric": "conversion_rate",
        "goal": "signup",
        "guarded_goals": ("order", "refund"),
    }
    return replace(choices, **(values | changes))


def test_new_test_is_judged_as_the_saved_one(choices, careful, template):
    made = build_experiment(chosen(choices, template), now=NOW)
    made.refresh_from_db()
    for field in (
        *("primary_metric", "goal", "alpha", "coverage", "conversion_window_hours", "plan"),
        *("planned_visitors", "strict_guardrails", "rolls_back", "audience"),
    ):
        assert getattr(made, field) == getattr(careful, field), field
    assert made.slot == choices.slot
    rails = {(row.metric, row.goal): row for row in made.guardrails.all()}
    assert set(rails) == {
        ("conversion_rate", "order"), ("conversion_rate", "refund"), ("click_rate", ""),
    }  # fmt: skip
    assert rails["conversion_rate", "refund"].margin == 0.1
    assert not rails["conversion_rate", "refund"].higher_is_better
    second = made.secondary_metrics.get()
    assert (second.metric, second.goal) == ("value_per_visitor", "order")


def test_choices_go_before_the_template(choices, template):
    changes = {"metric": "click_rate", "goal": "", "guarded_goals": ("order",), "audience": None}
    made = build_experiment(chosen(choices, template, **changes), now=NOW)
    assert made.audience is None
    # The click rate is the primary metric now: it guards nothing.
    rails = made.guardrails.values_list("metric", "goal")
    assert list(rails) == [("conversion_rate", "order")]


def test_cap_of_values_is_left_out_where_no_values_count(choices, careful):
    careful.primary_metric, careful.goal, careful.value_cap = "value_per_visitor", "order", 500
    careful.save()
    careful.refresh_from_db()
    template = save_as_template(experiment=careful, name="Values", now=NOW)
    kept = {"metric": "value_per_visitor", "goal": "order", "guarded_goals": ()}
    assert build_experiment(chosen(choices, template, **kept), now=NOW).value_cap == 500
    other = {"metric": "click_rate", "goal": "", "guarded_goals": ()}
    assert build_experiment(chosen(choices, template, **other), now=NOW).value_cap is None


def test_visitors_of_a_sequential_plan_are_planned_anew(choices, careful):
    careful.plan = "sequential"
    template = save_as_template(experiment=careful, name="Sequential", now=NOW)
    assert build_experiment(chosen(choices, template), now=NOW).planned_visitors is None


def test_look_is_taken_on_request_and_named_as_a_difference(choices, careful):
    control = careful.variants.get(arm=0).cta
    control.background_color, control.size = "#000000", "large"
    control.save()
    template = save_as_template(experiment=careful, name="Black", now=NOW)
    for takes_look in (False, True):
        asked = chosen(choices, template, takes_look=takes_look)
        made = build_experiment(asked, now=NOW)
        new = made.variants.get(arm=1).cta
        assert (new.background_color == "#000000", new.size == "large") == (takes_look,) * 2
        # The way to the next page stays that of the slot.
        assert new.destination == choices.slot.default_cta.destination
        found = {one.text: one.level for one in checks_of(made, asked, None, now=NOW)}
        assert found.get(LOOKS) == (Level.WARN if takes_look else None)


def test_template_is_told_in_words(template):
    assert template_in_words(template) == [
        "French",
        "Conversion rate (signup)",
        "Fixed horizon: one look, at the planned end",
        "Significance level: 1.0%",
        "Part of the audience: 25%",
        "Must not lose: Click rate (margin 20.0%)",
        "Must not lose: Conversion rate order (margin 5.0%)",
        "Must not lose: Conversion rate refund (margin 10.0%)",
        "Also reported: Value per visitor order",
    ]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "Careful"])
def test_name_that_is_empty_long_or_taken_is_refused(careful, template, name):
    with pytest.raises(CannotSaveError):
        save_as_template(experiment=careful, name=name, now=NOW)
    assert ExperimentTemplate.objects.get() == template


def test_audience_of_a_template_stays_until_the_site_goes(careful, template):
    careful.delete()
    with pytest.raises(LockedError, match="Careful"):
        delete_row(template.audience)
    Site.objects.get().slots.all().delete()
    Site.objects.all().delete()
    assert not ExperimentTemplate.objects.exists()


@pytest.mark.parametrize(
    "content", [{}, [], {"plan": {}, "look": {}, "guardrails": [], "secondary": [], "lift": 0.1}]
)
def test_made_up_content_is_refused(template, content):
    template.content = content
    with pytest.raises(ValidationError, match="no content of a template"):
        template.full_clean()
