"""Parts of the studio's page that answer while a person types, and who uses the CTA."""

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from experiments.admin.cta_preview import draw, draw_findings
from experiments.admin.workflow.studio_form import StudioForm
from experiments.legibility import LEAST_CONTRAST, contrast_ratio, text_direction
from experiments.models import CTA
from experiments.selectors import catalogue
from experiments.services.catalogue.cta_checks import check_wordings

# Grounds of the drawings, as the stylesheet has them.
LIGHT, DARK = "#ffffff", "#111827"
SHOWN_USES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnWording:
    """A wording as visitors will see it, with its checks."""

    locale: str
    language: str
    direction: str
    drawing: SafeString
    findings: SafeString


def live_context(form: StudioForm) -> dict[str, Any]:
    """Return what changes with every key: drawings, checks, gaps, principles to tick."""
    cta = form.drawn()
    checked = check_wordings(cta, form.texts)
    used = {name for one in checked for name in one.principles}
    ticked = set(form["principles"].value() or ())
    return {
        "drawn": [
            DrawnWording(
                locale=one.locale,
                language=form.languages[one.locale],
                direction=text_direction(one.locale),
                drawing=draw(cta, one.text),
                findings=draw_findings(one.findings),
            )
            for one in checked
        ],
        "is_spoken": cta.form == CTA.Form.SPOKEN,
        "is_pale_on_dark": _is_pale(cta),
        "gaps": form.gaps if form.texts else [],
        "own_language": next(iter(form.languages.values()), ""),
        "detected": [
            (value, label, value in ticked)
            for value, label in CTA.Principle.choices
            if value in used
        ],
    }


def _is_pale(cta: CTA) -> bool:
    """Return whether a link, which has no ground of its own, is hard to read on a dark page."""
    is_link = cta.form == CTA.Form.LINK
    return is_link and contrast_ratio(cta.background_color, DARK) < LEAST_CONTRAST


def use_context(cta: CTA | None) -> dict[str, Any]:
    """Return who uses a CTA and where."""
    if cta is None:
        return {}
    arms = list(catalogue.arms_showing(cta)[: SHOWN_USES + 1])
    return {
        "slots": list(catalogue.slots_showing(cta)),
        "arms": arms[:SHOWN_USES],
        "has_more_arms": len(arms) > SHOWN_USES,
    }
