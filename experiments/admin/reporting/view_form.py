"""Choices of a report's view on its page: a form whose address is the view."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.formatting import attribute_name, quoted, segment_value
from experiments.services.analysis.report import Report
from experiments.services.analysis.rollup_source import Counts
from experiments.services.exploration.chosen_comparison import ChosenComparison, compare_chosen
from experiments.services.exploration.report_view import (
    FIELDS,
    ViewOffer,
    ViewRefusedError,
    is_chosen,
    parse_view,
    view_offer,
)

Choices = Iterable[tuple[str, Any]]


class ViewForm(forms.Form):
    """The choices; `parse_view` checks them, as it does those of the API."""

    use_required_attribute = False

    def __init__(self, query: Mapping[str, str], *, offer: ViewOffer) -> None:
        super().__init__(data=dict(query), prefix=None, auto_id="view_%s")
        for name, (label, choices) in _selects(offer).items():
            self.fields[name] = forms.CharField(
                label=label, required=False, widget=forms.Select(choices=list(choices))
            )
        for name, label in (("from", _("First day")), ("to", _("Last day"))):
            self.fields[name] = forms.CharField(label=label, required=False, widget=_day(offer))
        self.order_fields(FIELDS)


def view_context(query: Mapping[str, str], report: Report, counts: Counts) -> dict[str, Any]:
    """Return the form and what the address chose of the report, from the same counts."""
    offer = view_offer(report, counts)
    if offer is None:
        return {}
    chosen_fields = {name: query[name] for name in FIELDS if query.get(name)}
    form = ViewForm(chosen_fields, offer=offer)
    context = {
        "view_form": form,
        "view_query": urlencode(chosen_fields),
        "is_chosen": is_chosen(query),
    }
    if not is_chosen(query):
        return context
    try:
        chosen = compare_chosen(parse_view(query, offer), report, counts)
    except ViewRefusedError as error:
        for name, text in error.faults.items():
            if name in form.fields:
                form.add_error(name, text)
            else:
                fault = {"field": quoted([name]), "fault": text}
                form.add_error(None, gettext("%(field)s: %(fault)s") % fault)
        return context
    return context | {"chosen": chosen, "chosen_rows": _rows(chosen)}


def _rows(chosen: ChosenComparison) -> list[tuple[Any, Any]]:
    once = (
        _("One look, chosen after the fact") if chosen.view.has_span else _("At one planned look")
    )
    rows = ((_("Valid at every look"), chosen.sequential), (once, chosen.fixed))
    return [(name, row) for name, row in rows if row is not None]


def _selects(offer: ViewOffer) -> dict[str, tuple[Any, Choices]]:
    arms = [(arm.key, f"{arm.text} ({arm.key})") for arm in offer.arms]
    readings = [("", _("Fixed beside sequential")), ("fixed", _("Fixed"))]
    if offer.is_sequential:
        readings.append(("sequential", _("Sequential")))
    return {
        "arm": (_("Wording"), arms[1:] + arms[:1]),
        "against": (_("Against"), arms),
        "metric": (_("Metric"), [(metric.key, metric.name) for metric in offer.metrics]),
        "segment": (
            _("Segment"),
            [("", _("Everybody")), *((name, _segment(name)) for name in offer.segments)],
        ),
        "cuped": (
            "CUPED",
            [("", _("As in the report")), ("on", _("With CUPED")), ("off", _("Without CUPED"))],
        ),
        "reading": (_("Reading"), readings),
    }


def _segment(name: str) -> str:
    attribute, _sign, value = name.partition("=")
    names = {"label": attribute_name(attribute), "value": segment_value(value, attribute)}
    return gettext("%(label)s: %(value)s") % names


def _day(offer: ViewOffer) -> forms.DateInput:
    first, last = offer.days or (None, None)
    ends = {"min": first and first.isoformat(), "max": last and last.isoformat()}
    kept = {name: value for name, value in ends.items() if value}
    return forms.DateInput(attrs={"type": "date", **kept})
