"""An experiment made of what was chosen in the wizard: audience, CTAs, arms, guardrails, plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import (
    Audience,
    Experiment,
    ExperimentTemplate,
    Guardrail,
    SecondaryMetric,
    Slot,
    Variant,
)
from experiments.services.catalogue.editing import free_slug, save_row
from experiments.services.drafting.experiment_templates import (
    guardrails_of,
    plan_of,
    secondary_of,
)
from experiments.services.drafting.wordings import Texts
from experiments.services.insights.draft_planning import fit_margins
from experiments.services.insights.plan_review import save_slot_plan
from experiments.services.insights.time_to_decision import TARGET_LIFT
from experiments.services.lifecycle.draft_editing import DraftParts, save_draft
from experiments.services.lifecycle.drafts import LETTERS, decimal_shares, free_key, make_cta


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Choices of a person for a new test; fields that were left open have their defaults.

    `wordings` are the arms beside the control, by language. `condition` with a name makes a new
    audience. `gaps` are missing texts, as sentences. A `template` gives what is not chosen here,
    and with `takes_look` the look of the new arms.
    """

    slot: Slot
    wordings: tuple[Texts, ...]
    name: str = ""
    audience: Audience | None = None
    new_audience: str = ""
    condition: Mapping[str, Any] | None = None
    metric: str = Experiment.Metric.CLICK_RATE
    goal: str = ""
    guarded_goals: tuple[str, ...] = ()
    lift: float = TARGET_LIFT
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    ends_when_planned: bool = False
    gaps: tuple[str, ...] = ()
    template: ExperimentTemplate | None = None
    takes_look: bool = False


@transaction.atomic
def build_experiment(choices: Choices, *, now: datetime) -> Experiment:
    """Return a new draft with equal shares, keys of its own, and visitors planned from the slot.

    Raises:
        CannotSaveError: If what was chosen breaks a rule of the models.
    """
    # Locked: two drafts of one slot in one second get two keys.
    slot = Slot.objects.select_for_update(of=("self",)).get(pk=choices.slot.pk)
    draft = _draft(slot, choices, now)
    parts = DraftParts(
        variants=_arms(slot, choices),
        guardrails=_guardrails(choices),
        secondary_metrics=_secondary(choices),
    )
    save_draft(draft, parts)
    save_slot_plan(draft=draft, now=now, target=choices.lift)
    if choices.ends_when_planned and draft.planned_visitors:
        draft.ends_when_planned = True
        draft.save(update_fields=["ends_when_planned"])
    fit_margins(draft, now=now)
    return draft


def _draft(slot: Slot, choices: Choices, now: datetime) -> Experiment:
    """Return the experiment alone, not stored: what was chosen goes before the template."""
    plan = plan_of(choices.template) if choices.template else {}
    chosen = {
        "slot": slot,
        "audience": _audience(choices),
        "key": free_key(slot.key, now),
        "name": choices.name or default_name(slot),
        "primary_metric": choices.metric,
        "goal": choices.goal,
        "starts_at": choices.starts_at,
        "ends_at": choices.ends_at,
        # Only once the visitors are planned.
        "ends_when_planned": False,
    }
    if choices.metric not in Experiment.METRICS_OF_VALUES:
        chosen["value_cap"] = None
    return Experiment(**{**plan, **chosen})


def default_name(slot: Slot) -> str:
    """Return the name of a test that nobody has named; numbered, so that no two look alike."""
    return free_name(slot, _("Wordings on %(slot)s") % {"slot": slot.name})


def free_name(slot: Slot, base: str) -> str:
    """Return a name that no test of the slot has: `base`, cut to fit, and a number if needed."""
    used = set(Experiment.objects.filter(slot=slot).values_list("name", flat=True))
    number = 2
    name = base = base[:190]
    while name in used:
        name = f"{base} ({number})"
        number += 1
    return name


def _audience(choices: Choices) -> Audience | None:
    if not choices.new_audience:
        return choices.audience
    site = choices.slot.site_id
    key = free_slug(choices.new_audience, rows=Audience.objects.filter(site=site))
    audience = Audience(
        site_id=site, key=key, name=choices.new_audience, condition=dict(choices.condition or {})
    )
    save_row(audience)
    return audience


def _arms(slot: Slot, choices: Choices) -> list[Variant]:
    template = choices.template if choices.takes_look else None
    look = template.content["look"] if template else {}
    new = (make_cta(slot=slot, texts=texts, look=look) for texts in choices.wordings)
    ctas = [slot.default_cta, *new]
    shares = decimal_shares(len(ctas))
    return [
        Variant(key="control" if arm == 0 else LETTERS[arm - 1], cta=cta, share=share)
        for arm, (cta, share) in enumerate(zip(ctas, shares, strict=True))
    ]


def _guardrails(choices: Choices) -> list[Guardrail]:
    """Return the guardrails of the chosen goals, and those of the template that no form offers."""
    rate = Experiment.Metric.CONVERSION_RATE
    kept = guardrails_of(choices.template) if choices.template else []
    of_goals = {one.goal: one for one in kept if one.metric == rate}
    chosen = [
        of_goals.get(goal) or Guardrail(metric=rate, goal=goal) for goal in choices.guarded_goals
    ]
    others = [one for one in kept if one.metric != rate]
    return [*chosen, *(one for one in others if not _is_primary(choices, one))]


def _secondary(choices: Choices) -> list[SecondaryMetric]:
    kept = secondary_of(choices.template) if choices.template else []
    return [one for one in kept if not _is_primary(choices, one)]


def _is_primary(choices: Choices, row: Guardrail | SecondaryMetric) -> bool:
    """Return whether a metric of the template is what the new test is judged by."""
    return (row.metric, row.goal) == (choices.metric, choices.goal)
