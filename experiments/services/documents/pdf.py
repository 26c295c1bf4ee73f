"""Report as PDF on two pages, set by Typst with the fonts that it brings along."""

import json
from pathlib import Path
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from experiments.code_version import report_code
from experiments.formatting import (
    count,
    p_value,
    percent,
    signed_interval,
    signed_percent,
)
from experiments.services.analysis.comparisons import VALID_AT_EVERY_LOOK
from experiments.services.documents.drawn.counted_pictures import counted_pictures
from experiments.services.documents.drawn.picture import Picture, untrusted_warning
from experiments.services.documents.drawn.picture_store import svg_of
from experiments.services.documents.first_screen import FirstScreen, first_screen, rate_figure
from experiments.services.exploration.chosen_comparison import ChosenComparison
from experiments.services.reporting.full_report import FullReport

SOURCE = Path(__file__).parent / "report.typ"
# Those that fit beside each other on the second page; the first two beside a chosen view.
ON_THE_SECOND = ("sequence", "visitors", "segments", "power", "funnel")
# A wording of 300 characters would push the evidence to a third page.
LONGEST_WORDING = 80


def pdf_of(full: FullReport, chosen: ChosenComparison | None = None) -> bytes:
    """Return the report as PDF, in the active language."""
    # Only who asks for a PDF pays for the typesetter.
    import typst  # noqa: PLC0415

    pdf: bytes = typst.compile(
        SOURCE.read_bytes(), format="pdf", sys_inputs=inputs_of(full, chosen)
    )
    return pdf


def inputs_of(full: FullReport, chosen: ChosenComparison | None = None) -> dict[str, str]:
    """Return what the source is given: the content as JSON, never as markup."""
    return {"report": json.dumps(pdf_content(full, chosen), ensure_ascii=False)}


def pdf_content(full: FullReport, chosen: ChosenComparison | None = None) -> dict[str, Any]:
    """Return the texts and pictures of the document, in its order."""
    report, first = full.report, first_screen(full)
    experiment = report.experiment
    pictures = {picture.name: picture for picture in counted_pictures(full)}
    when = date_format(report.as_of.astimezone(experiment.slot.site.zone), "DATETIME_FORMAT")
    return {
        "language": (get_language() or "en").split("-")[0],
        "title": experiment.name,
        "meta": f"{experiment.slot.site} · {experiment.slot} · "
        f"{experiment.get_primary_metric_display()} · {experiment.get_status_display()}",
        "footer": f"{experiment.key} · {when} ({experiment.slot.site.time_zone}) · {report_code()}",
        "verdict": full.verdict.title if full.verdict else _("No verdict yet."),
        "sentence": first.sentence,
        "arms_head": [_("Wording"), str(experiment.get_primary_metric_display()), _("Visitors")],
        "arms": [
            [_short(card.arm.text), card.rate.text, count(card.arm.visitors)] for card in first.arms
        ],
        "facts": _facts(full, first),
        "cautions": list(full.verdict.cautions) if full.verdict else [],
        "first_pictures": _drawn(_named(pictures, ("lifts",)), "wide"),
        "evidence_title": _("The evidence"),
        "warning": "" if full.is_trusted else untrusted_warning(),
        "tables": [*_tables(full), *_view_tables(chosen)],
        "pictures": _drawn(
            _named(pictures, ON_THE_SECOND[: None if chosen is None else 2]), "narrow"
        ),
        "methods": _methods(full),
    }


def _named(pictures: dict[str, Picture], names: tuple[str, ...]) -> list[Picture]:
    return [pictures[name] for name in names if name in pictures]


def _facts(full: FullReport, first: FirstScreen) -> list[dict[str, Any]]:
    gains = [gain for gain in (first.per_thousand, first.per_month) if gain]
    much = [figure.text for figure in (first.lift, first.lift_interval) if figure is not None]
    if first.expected:
        text = _("Expect %(lift)s: winners look better than they are.")
        much.append(text % {"lift": first.expected.text})
    much += [gain.amount.text for gain in gains]
    if not first.is_trusted:
        counted = [_("As counted:") + f" {first.lift.text}"] if first.lift else []
        much = [_("Cannot be said"), *counted]
    proven = {True: _("Proven"), False: _("Not proven"), None: _("Cannot be said")}
    sure = [proven[first.is_proven]]
    if first.p_value is not None:
        sure += [f"p {first.p_value.text}", first.how_sure]
    facts = [
        (_("By how much?"), much or [_("No lift can be given yet.")]),
        (_("How sure?"), sure),
        (_("Is it clean?"), [tick.text for tick in first.ticks]),
        (_("What now?"), list(full.verdict.sentences) if full.verdict else []),
    ]
    # A size and a word stand out; ticks and sentences do not.
    return [
        {"title": title, "lines": lines, "is_strong": index < 2}
        for index, (title, lines) in enumerate(facts)
        if lines
    ]


def _tables(full: FullReport) -> list[dict[str, Any]]:
    report = full.report
    rates = [
        [
            _short(arm.text),
            *(count(n) for n in (arm.visitors, arm.clicks, arm.conversions)),
            rate_figure(report, arm.rate).exact,
        ]
        for arm in report.arms
    ]
    compared = [
        [
            _short(report.arms[row.arm].text),
            signed_percent(row.decisive.comparison.lift, 3),
            signed_interval(row.decisive.comparison.lift_interval),
            p_value(row.decisive.p_value_adjusted),
        ]
        for row in report.comparisons
    ]
    tables = [
        {
            "title": _("Rates of the wordings"),
            "head": [_("Wording"), _("Visitors"), _("Clicks"), _("Conversions"), _("Rate")],
            "rows": rates,
        },
        {
            "title": _("Against the control"),
            "head": [_("Wording"), _("Lift"), _("Interval"), _("Adjusted p-value")],
            "rows": compared,
        },
    ]
    return [table for table in tables if table["rows"]]


def _view_tables(chosen: ChosenComparison | None) -> list[dict[str, Any]]:
    """Return the comparison that a reader chose, as the last table of the evidence."""
    if chosen is None:
        return []
    view, (against, arm) = chosen.view, chosen.arms
    days = [f"{day:%Y-%m-%d}" if day else ".." for day in (view.first_day, view.last_day)]
    parts = [
        f"{_short(arm.text)} / {_short(against.text)}",
        view.metric.name,
        view.segment,
        "/".join(days) if view.has_span else "",
        "CUPED" if chosen.is_adjusted else "",
    ]
    once = _("One look, chosen after the fact") if view.has_span else _("At one planned look")
    rows = [
        [
            name,
            signed_percent(row.lift, 3),
            signed_interval(row.lift_interval),
            p_value(row.p_value),
        ]
        for name, row in ((_("At every look"), chosen.sequential), (once, chosen.fixed))
        if row is not None
    ]
    title = _("Chosen view, no verdict: %(view)s") % {"view": " · ".join(filter(None, parts))}
    head = [_("Reading"), _("Lift"), _("Interval"), _("p-value")]
    return [{"title": title, "head": head, "rows": rows}]


def _methods(full: FullReport) -> str:
    rows = full.report.comparisons
    if not rows:
        return ""
    level = percent(1 - full.report.experiment.alpha, 0)
    values = {"level": level}
    if rows[0].valid == VALID_AT_EVERY_LOOK:
        text = _(
            "Intervals of %(level)s and p-values hold at every look, adjusted for all arms. "
            "Methods: docs/statistics.md."
        )
        return text % values
    text = _(
        "Intervals of %(level)s and p-values hold for one look at the planned end, adjusted for "
        "all arms. Methods: docs/statistics.md."
    )
    return text % values


def _drawn(pictures: list[Picture], look: str) -> list[dict[str, str]]:
    language = get_language() or "en"
    return [
        {
            "title": picture.title,
            "words": picture.words,
            "svg": svg_of(picture, look=look, language=language),
        }
        for picture in pictures
    ]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_WORDING else f"{text[:LONGEST_WORDING]}…"
