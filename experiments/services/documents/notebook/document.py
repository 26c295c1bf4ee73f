"""Notebook that recomputes a report's figures from its sums, with public libraries only."""

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext as _

from experiments.models import Experiment
from experiments.services.analysis.metric_statistics import SUCCESSES
from experiments.services.documents.notebook.cells import (
    ADJUSTMENT,
    CONTRASTS,
    CUMULATIVE,
    IMPORTS,
    ONE_LOOK,
    RATES,
    SUMS,
    VIEW,
)
from experiments.services.documents.notebook.checking_cells import BELIEFS, CHECK, SPLIT
from experiments.services.documents.notebook.sequential_cells import (
    BOUNDARY,
    EVERY_LOOK,
    FEW_CLICKS,
)
from experiments.services.documents.notebook.sums import notebook_data
from experiments.services.exploration.chosen_comparison import ChosenComparison
from experiments.services.reporting.full_report import FullReport

Cell = dict[str, Any]


def notebook_of(full: FullReport, chosen: ChosenComparison | None = None) -> bytes:
    """Return the notebook (format 4.5) of a report; it needs no network and no ctaopt.

    A comparison that a reader chose stands, and is computed anew, beside those of the report.
    """
    cells = [
        _text(f"# {_one_line(full.report.experiment.name)}", _introduction(full)),
        _code(f"{_sentences()}\n{IMPORTS.strip()}"),
        *_cells_of_sums(full, chosen),
        _text(_("## Rates and their intervals (Wilson)")),
        _code(RATES),
        *_cells_of_comparisons(full),
        _text(_("## Click rates until each day")),
        _code(CUMULATIVE),
        *([_text(_("## The chosen view"), _of_view(chosen)), _code(VIEW)] if chosen else []),
        _text(_("## Are they the figures of the report?")),
        _code(CHECK),
    ]
    notebook = {
        "cells": [cell | {"id": f"cell-{number}"} for number, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()


def _cells_of_sums(full: FullReport, chosen: ChosenComparison | None) -> list[Cell]:
    data = json.dumps(notebook_data(full, chosen), cls=DjangoJSONEncoder)
    return [
        _text(_("The sums that the report rests on, control first, and what it says of them:")),
        _code(f"report = json.loads({data!r})"),
        _code(SUMS),
    ]


def _cells_of_comparisons(full: FullReport) -> list[Cell]:
    every_look = [
        _text(
            _("## Comparisons that hold at every look"),
            _("The boundary of the plan, exact looks at few clicks, and what all looks leave:"),
        ),
        _code(BOUNDARY),
        _code(FEW_CLICKS),
        _code(EVERY_LOOK),
    ]
    return [
        _text(_("## Comparisons with the control, for one look")),
        _code(CONTRASTS),
        _text(_("Adjusted for all arms (Dunnett, step by step):")),
        _code(ADJUSTMENT),
        _code(ONE_LOOK),
        *every_look,
        _text(_("## The split of the visitors, and all arms together")),
        _code(SPLIT),
        *([_text(_("## Chances to be the best")), _code(BELIEFS)] if full.posteriors else []),
    ]


def _sentences() -> str:
    """Return the sentences for where nothing can be computed, as the first variables."""
    needed = _(
        "This notebook needs Python's public libraries numpy, pandas, scipy and statsmodels. "
        "Install them (pip install numpy pandas scipy statsmodels) and run it again. Missing: "
    )
    nothing = _("Nobody is counted yet, or nothing can be compared: there is nothing to compute.")
    return f"NEEDED = {needed!r}\nNOTHING = {nothing!r}"


def _of_view(chosen: ChosenComparison) -> str:
    text = _(
        "The two arms, the metric, the segment and the days that were chosen, with or without "
        "CUPED, for one look and without an adjustment for other arms. It decides nothing."
    )
    if chosen.sequential is None:
        return text
    shown = _("Its reading that holds at every look is shown, not computed anew.")
    return f"{text} {shown}"


def _introduction(full: FullReport) -> str:
    experiment: Experiment = full.report.experiment
    parts = [
        _("Report of %(key)s, as of %(when)s.")
        % {"key": experiment.key, "when": full.report.as_of.isoformat(timespec="minutes")},
        _(
            "Computed anew with pandas, SciPy and statsmodels: rates and their intervals; "
            "differences, lifts, their intervals and p-values, for one look and for every look, "
            "with and without CUPED, within phases of equal shares; the days of a proof; the "
            "split of the visitors; chances to be the best. The last cell compares all of them "
            "with the report."
        ),
        _(
            "Not computed anew: guardrails, secondary metrics, segments, lifts to expect and what "
            "rests on the site's other tests. docs/statistics.md says how to compute them."
        ),
    ]
    if full.report.experiment.primary_metric not in SUCCESSES:
        parts.append(_("The metric is no rate of visitors: it has no Wilson interval."))
    return "\n\n".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _text(*paragraphs: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(paragraphs)}


def _code(source: str) -> Cell:
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source.strip(),
    }
