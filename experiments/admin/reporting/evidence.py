"""Parts of a report below its first screen, each folded, and the templates that draw them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from experiments.admin.reporting.pictures import ShownPicture
from experiments.models import Experiment
from experiments.services.documents.drawn.power_picture import why_no_power
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.full_report import FullReport

FOLDER = "admin/experiments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part; `anchor` names it in links, `note` says which picture is not there, and why."""

    anchor: str
    title: str | Promise
    templates: tuple[str, ...] = ()
    is_open: bool = False
    pictures: tuple[ShownPicture, ...] = ()
    note: str = ""

    @property
    def is_conclusion(self) -> bool:
        """Whether a warning stands above its figures where the data cannot be trusted."""
        return self.anchor in CONCLUSIONS


# Parts from whose figures readers conclude something.
CONCLUSIONS = ("comparisons", "compare", "metrics", "expected", "bayes", "segments")
# Pictures of each part; the one of the lifts is on the first screen.
PICTURES = {
    "rates": ("funnel",),
    "days": ("sequence", "cumulative-rates", "daily-rates", "visitors", "shares", "power"),
    "bayes": ("posteriors",),
    "segments": ("segments",),
}


def evidence_of(
    full: FullReport, shown: Mapping[str, ShownPicture], view: Mapping[str, Any]
) -> list[Part]:
    """Return the parts that have something to show; the plan of a draft and a view are open."""
    is_draft = full.report.experiment.status == Experiment.Status.DRAFT
    is_aa = is_aa_test(full.report.experiment)
    parts: list[tuple[Any, Part]] = [
        (is_aa, _part("aa-test", _("A/A test"), "aa", is_open=True)),
        (True, _part("rates", _("Rates of the wordings"), "arms")),
        (True, _part("comparisons", _("Against the control"), "comparisons", *_exact(full))),
        (
            view,
            _part(
                "compare", _("Compare as you like"), "view", is_open=view.get("is_chosen", False)
            ),
        ),
        (
            not is_draft,
            replace(_part("days", _("Day by day"), "annotations"), note=why_no_power(full.report)),
        ),
        (full.guardrails or full.secondary, _metrics(full)),
        (full.plans, _plan(is_open=is_draft)),
        (full.insights, _part("expected", _("What to expect after launch"), "lifts")),
        (full.insights and full.posteriors, _part("bayes", _("Bayesian results"), "posteriors")),
        (full.insights, _part("segments", _("Segments"), "segments")),
        (full.insights, _part("health", _("Can the numbers be trusted?"), "health_section")),
        (
            full.interactions,
            _part("other-tests", _("Another experiment changes a lift"), "interactions"),
        ),
        (True, _part("like", _("Tests like this one"), "like", is_open=is_draft)),
        (not is_draft, _part("versions", _("Freeze and share"), "frozen")),
    ]
    return [
        replace(part, pictures=tuple(shown[name] for name in _pictures(part) if name in shown))
        for is_shown, part in parts
        if is_shown
    ]


def _pictures(part: Part) -> tuple[str, ...]:
    return PICTURES.get(part.anchor, ())


def _plan(*, is_open: bool) -> Part:
    title = _("Before you start: what this slot can detect")
    return _part("plan", title, "time_to_decision", is_open=is_open)


def _metrics(full: FullReport) -> Part:
    names = [name for name in ("guardrails", "secondary") if getattr(full, name)]
    is_draft = full.report.experiment.status == Experiment.Status.DRAFT
    return _part("metrics", _("Other metrics"), *names, is_open=is_draft)


def _exact(full: FullReport) -> tuple[str, ...]:
    return ("exact",) if full.insights and full.insights.exact else ()


def _part(anchor: str, title: str | Promise, *names: str, is_open: bool = False) -> Part:
    templates = tuple(f"{FOLDER}/report_{name}.html" for name in names)
    return Part(anchor=anchor, title=title, templates=templates, is_open=is_open)
