"""First screen and pictures of a frozen report, as data in every language of the pages.

They are kept with the version, so that its page shows what the report showed on that day.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from experiments.formatting import attribute_name, segment_value
from experiments.models import CTA
from experiments.services.catalogue.cta_checks import SIZES
from experiments.services.documents.drawn.counted_pictures import counted_pictures
from experiments.services.documents.drawn.picture import Picture
from experiments.services.documents.drawn.picture_store import svg_of
from experiments.services.documents.first_screen import ArmCard, FirstScreen, first_screen
from experiments.services.documents.health_ticks import MARKS
from experiments.services.documents.next_steps import next_steps
from experiments.services.exploration.report_view import ReportView
from experiments.services.pictures.looks import LOOKS
from experiments.services.pictures.specifications import KINDS
from experiments.services.reporting.full_report import FullReport, verdict_on

Page = dict[str, Any]
# Choices of a view as they are made, in the language in which they are shown.
ReadView = Callable[[], ReportView | None]
FIGURES = (
    *("sentence", "is_trusted", "lift", "lift_interval", "expected", "per_thousand", "per_month"),
    *("traffic", "p_value", "is_proven", "how_sure"),
)
# Pictures whose numbers are kept as a table, too: those of a year and a half of two arms.
MOST_ROWS = 1_000


def frozen_pages(full: FullReport, read_view: ReadView = lambda: None) -> dict[str, Page]:
    """Return what the page of a frozen report shows, by language.

    Args:
        full: The report.
        read_view: Reads the view that the version holds, in the active language; None for none.
    """
    pages = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code), timezone.override(full.report.experiment.slot.site.zone):
            pages[code] = _page(full, read_view())
    return pages


def page_of(content: Mapping[str, Any]) -> Page | None:
    """Return the page of a frozen report in the active language; None for versions before it."""
    pages: dict[str, Page] = content.get("page") or {}
    language = (get_language() or "en").split("-")[0]
    return pages.get(language) or next(iter(pages.values()), None)


def frozen_svg(content: Mapping[str, Any], name: str, *, look: str) -> str | None:
    """Return a picture of a frozen report as SVG; None where it has none of this name."""
    page = page_of(content)
    found = [one for one in page["pictures"] if one["name"] == name] if page else []
    if not found:
        return None
    # A later release may draw none of this kind.
    if found[0]["kind"] not in KINDS or look not in LOOKS:
        return None
    kept = ("name", "kind", "title", "words", "rows", "options")
    picture = Picture(**{key: found[0][key] for key in kept}, columns=())
    return svg_of(picture, look=look, language=get_language() or "en")


def _page(full: FullReport, view: ReportView | None) -> Page:
    # Annotations are for colleagues: a reader without an account sees none of them.
    told = replace(full, verdict=verdict_on(full.report, full.decision), annotations=())
    first = first_screen(told)
    steps = next_steps(told, first)
    return {
        "verdict": told.verdict.title if told.verdict else _("No verdict yet."),
        "metric": str(full.report.experiment.get_primary_metric_display()),
        "first": {name: _plain(getattr(first, name)) for name in FIGURES},
        "arms": _arms(full, first),
        "ticks": [
            {"level": one.level, "mark": MARKS[one.level], "text": one.text} for one in first.ticks
        ],
        "steps": list(steps.steps),
        "cautions": list(steps.cautions),
        "in_evidence": list(steps.in_evidence),
        "pictures": [_picture(one) for one in counted_pictures(told)],
        "view": _view(full, view) if view else None,
    }


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


def _arms(full: FullReport, first: FirstScreen) -> list[dict[str, Any]]:
    ctas = {variant.arm: variant.cta for variant in full.report.experiment.variants.all()}
    return [_arm(card, ctas[card.arm.arm]) for card in first.arms]


def _arm(card: ArmCard, cta: CTA) -> dict[str, Any]:
    """Return a wording with how it is drawn: numbers and colours, no markup."""
    letters, above, beside = SIZES[cta.size]
    return {
        "text": card.arm.text,
        "words": f"{cta.icon} {card.arm.text}" if cta.icon else card.arm.text,
        "form": cta.form,
        "background": cta.background_color,
        "colour": cta.text_color,
        "font_px": letters,
        "padding_px": [above, beside],
        "rate": asdict(card.rate),
        "visitors": card.arm.visitors,
        "is_control": card.arm.arm == 0,
        "is_featured": card.is_featured,
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        **picture.as_json(),
        "name": picture.name,
        "title": picture.title,
        "words": picture.words,
        "head": [title for _key, title in picture.columns],
        "table": picture.table() if len(picture.rows) <= MOST_ROWS else [],
    }


def _view(full: FullReport, view: ReportView) -> dict[str, Any]:
    """Return the choices of a view by the names that people know."""
    texts = {arm.arm: arm.text for arm in full.report.arms}
    attribute, _equals, value = view.segment.partition("=")
    segment = f"{attribute_name(attribute)}: {segment_value(value, attribute)}"
    return {
        "arm": texts[view.arm],
        "against": texts[view.against],
        "metric": view.metric.name,
        "segment": segment if view.segment else "",
    }
