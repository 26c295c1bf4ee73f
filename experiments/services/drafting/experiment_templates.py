"""Templates of experiments: saved from one experiment, and what a new one takes from them."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from experiments.formatting import percent
from experiments.models import Experiment, ExperimentTemplate, Guardrail, SecondaryMetric
from experiments.services.catalogue.editing import save_row
from experiments.services.insights.plan_review import plan_basis
from experiments.services.insights.time_to_decision import TARGET_LIFT

# Fields that JSON keeps as text.
DECIMALS = ("value_cap", "coverage")


def save_as_template(*, experiment: Experiment, name: str, now: datetime) -> ExperimentTemplate:
    """Store how an experiment tests under a name that no template of the site has.

    Raises:
        CannotSaveError: If the name is empty, too long or taken.
    """
    template = ExperimentTemplate(
        site=experiment.slot.site,
        name=name.strip(),
        audience=experiment.audience,
        content=_content(experiment),
        saved_at=now,
    )
    save_row(template)
    return template


def plan_of(template: ExperimentTemplate) -> dict[str, Any]:
    """Return the fields of an experiment that follow from a template."""
    plan = dict(template.content["plan"])
    for field in DECIMALS:
        plan[field] = None if plan[field] is None else Decimal(plan[field])
    return plan


def guardrails_of(template: ExperimentTemplate) -> list[Guardrail]:
    """Return its guardrails, not stored yet."""
    return [Guardrail(**row) for row in template.content["guardrails"]]


def secondary_of(template: ExperimentTemplate) -> list[SecondaryMetric]:
    """Return its secondary metrics, not stored yet."""
    return [SecondaryMetric(**row) for row in template.content["secondary"]]


def template_in_words(template: ExperimentTemplate) -> list[str]:
    """Return what a template holds, as short lines."""
    return list(_lines(template))


def _content(experiment: Experiment) -> dict[str, Any]:
    kinds = ExperimentTemplate
    plan = {field: getattr(experiment, field) for field in kinds.PLAN}
    plan |= {field: None if plan[field] is None else str(plan[field]) for field in DECIMALS}
    if plan["plan"] != Experiment.Plan.FIXED:
        # The visitors of another slot, or of another month; a fixed plan needs a number.
        plan["planned_visitors"] = None
    basis = plan_basis(experiment)
    control = experiment.variants.order_by("arm").first()
    cta = control.cta if control else experiment.slot.default_cta
    return {
        "plan": plan,
        "guardrails": _rows(experiment.guardrails.all(), kinds.GUARDRAIL),
        "secondary": _rows(experiment.secondary_metrics.all(), kinds.SECONDARY),
        "lift": basis.target if basis else TARGET_LIFT,
        "look": {field: getattr(cta, field) for field in kinds.LOOK},
    }


def _rows(rows: Any, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{field: getattr(row, field) for field in fields} for row in rows]


def _lines(template: ExperimentTemplate) -> Iterator[str]:
    plan = template.content["plan"]
    experiment = Experiment(primary_metric=plan["primary_metric"], plan=plan["plan"])
    yield str(template.audience) if template.audience else _("every visitor")
    metric = experiment.get_primary_metric_display()
    yield f"{metric} ({plan['goal']})" if plan["goal"] else metric
    yield experiment.get_plan_display()
    yield _("Significance level: %(alpha)s") % {"alpha": percent(plan["alpha"], 1)}
    if Decimal(plan["coverage"]) != 1:
        coverage = percent(float(plan["coverage"]), 0)
        yield _("Part of the audience: %(coverage)s") % {"coverage": coverage}
    for guardrail in guardrails_of(template):
        values = {"metric": guardrail, "margin": percent(guardrail.margin, 1)}
        yield _("Must not lose: %(metric)s (margin %(margin)s)") % values
    for metric_row in secondary_of(template):
        yield _("Also reported: %(metric)s") % {"metric": metric_row}
