"""Parts of the wizard's page that answer while a person types: drawings, plan, checks, ranking."""

import hashlib
import json
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from experiments.admin.cta_preview import draw
from experiments.admin.workflow.wizard_form import EXISTING, NEW, WORDINGS, WizardForm
from experiments.models import Audience, Site, Slot
from experiments.selectors import catalogue
from experiments.selectors.permissions import may
from experiments.services.catalogue.audience_reach import reach_in_words, reach_of
from experiments.services.drafting.building import default_name
from experiments.services.drafting.checks import Check, Level
from experiments.services.drafting.experiment_templates import template_in_words
from experiments.services.drafting.rehearsal import Rehearsal, rehearse
from experiments.services.learning.ranking import rank_at_once
from experiments.services.learning.ranking_presentation import ranking_in_words
from experiments.services.lifecycle.rivals import in_serving_order

# The same question is asked again with every pause in typing.
REMEMBERED_S = 300
# A scoring service that loads its predictor answers some seconds later: pauses between questions.
ASKED_AGAIN_AFTER_S = (4, 8, 16, 32, 60, 60, 60, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnArm:
    """One arm as it will look in each language; an empty drawing is a missing text."""

    is_control: bool
    number: int
    drawings: tuple[tuple[str, SafeString | str], ...]


def page_context(form: WizardForm) -> dict[str, Any]:
    """Return what the page shows of the chosen slot."""
    slot = form.chosen
    if slot is None:
        return {}
    live = in_serving_order(list(catalogue.live_on_slot(slot)))
    template = form.used_template
    return {
        "slot": slot,
        "templates": catalogue.templates_of(sites=Site.objects.filter(pk=slot.site_id)),
        "used": template,
        "used_lines": template_in_words(template) if template else [],
        "neighbours": live,
        "default_name": default_name(slot),
        "zone": slot.site.time_zone,
    }


def live_context(form: WizardForm) -> dict[str, Any]:
    """Return what changes with every key: the arms drawn, the plan and the list of checks."""
    if form.chosen is None:
        return {}
    found = _rehearsal(form)
    return {
        "languages": list(form.languages.values()),
        "drawn": drawn_arms(form, form.chosen),
        "gaps": form.gaps(),
        "reach": _reach(form, form.chosen),
        "found": found,
    }


def drawn_arms(form: WizardForm, slot: Slot) -> list[DrawnArm]:
    """Return the control and the typed arms in the look of the slot's default."""
    arms: list[Mapping[str, str]] = [form.control, *form.typed_wordings().arms]
    control, new = slot.default_cta, copy(slot.default_cta)
    for field, value in form.look.items():
        setattr(new, field, value)
    return [
        DrawnArm(
            is_control=number == 0,
            number=number,
            drawings=tuple(
                (name, draw(new if number else control, texts[tag]) if tag in texts else "")
                for tag, name in form.languages.items()
            ),
        )
        for number, texts in enumerate(arms)
    ]


def _rehearsal(form: WizardForm) -> Rehearsal:
    if form.is_valid():
        return rehearse(form.choices(), now=timezone.now())
    said = [
        _of_field(form, name, str(text)) for name, texts in form.errors.items() for text in texts
    ]
    return Rehearsal(
        checks=tuple(Check(level=Level.BLOCK, text=text) for text in said),
        is_refused=form.has_faults_beside_missing_words,
    )


def _of_field(form: WizardForm, name: str, text: str) -> str:
    """Return a fault with the label of its field, which does not stand beside it in the list."""
    if name not in form.fields or name.startswith(WORDINGS):
        return text
    return _("%(field)s: %(fault)s") % {"field": capfirst(form[name].label), "fault": text}


def _reach(form: WizardForm, slot: Slot) -> str:
    audience = _audience(form)
    if audience is None:
        return ""
    found = reach_of(site=slot.site, condition=audience.condition, now=timezone.now())
    return reach_in_words(found)


def _audience(form: WizardForm) -> Audience | None:
    """Return the chosen existing audience, even if other fields of the form are wrong."""
    if not form.is_bound or form.data.get("who") != EXISTING:
        return None
    form.errors  # noqa: B018  # Fields are cleaned once somebody asks for their faults.
    chosen: Audience | None = form.cleaned_data.get("audience")
    return chosen


def _predicted_for(form: WizardForm, slot: Slot) -> Audience | None:
    """Return the audience of the prediction: past tests know a new one by its conditions only."""
    if form.data.get("who") != NEW:
        return _audience(form)
    form.errors  # noqa: B018  # As above.
    condition = form.cleaned_data.get("condition")
    same = Audience.objects.filter(site=slot.site_id, condition=condition)
    return same.order_by("pk").first() if condition else None


def prediction_context(
    request: HttpRequest, form: WizardForm, *, unanswered: int
) -> dict[str, Any]:
    """Return the rankings of the typed wordings by language; a result is None if unknown.

    Args:
        request: Request of the person who types.
        form: What is typed.
        unanswered: Number of questions in a row before this one that the service left unanswered.

    Returns:
        `rankings`, `is_for_everybody`, and after a silence `unanswered`, one more, and
        `again_after_s`: None if it is enough.
    """
    slot = form.chosen
    if slot is None or not may(request.user, "experiments.add_job", slot.site):
        return {}
    typed, audience = form.typed_wordings(), _predicted_for(form, slot)
    rankings = []
    for tag, name in form.languages.items():
        texts = [texts[tag] for texts in typed.arms if tag in texts]
        control = form.control.get(tag, "")
        if texts and control and not typed.faults[tag]:
            asked = _question(slot, audience, tag, control, texts)
            rankings.append({"tag": tag, "language": name, "result": _answer(asked)})
    # A new audience that no past test knows.
    is_for_everybody = form.data.get("who") == NEW and audience is None
    found = {"rankings": rankings, "is_for_everybody": is_for_everybody}
    if all(ranking["result"] for ranking in rankings):
        return found
    return found | {
        "unanswered": unanswered + 1,
        "again_after_s": _pause_after(unanswered),
    }


def _pause_after(unanswered: int) -> int | None:
    return ASKED_AGAIN_AFTER_S[unanswered] if unanswered < len(ASKED_AGAIN_AFTER_S) else None


def _question(
    slot: Slot, audience: Audience | None, tag: str, control: str, texts: list[str]
) -> dict[str, Any]:
    return {
        "control": control,
        "wordings": list(dict.fromkeys(texts)),
        "locale": tag.partition("-")[0],
        "audience": audience.key if audience else "",
        "form": slot.default_cta.form,
        "placement": slot.position,
        "slot_pk": slot.pk,
        "site": slot.site.key,
    }


def _answer(asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return the ranking in words; None if the scoring service does not answer in time."""
    text = json.dumps(asked, sort_keys=True)
    name = f"wizard-ranking:{hashlib.sha256(text.encode()).hexdigest()}"
    found: dict[str, Any] | None = cache.get(name)
    if found is None:
        found = rank_at_once(asked)
        if found is not None:
            cache.set(name, found, REMEMBERED_S)
    return ranking_in_words(found, asked) if found is not None else None
