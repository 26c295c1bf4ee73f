"""Calculators for people: significance, sample size, traffic split. The engine of the reports."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.views.decorators import staff_member_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from experiments.pages.arms_field import MOST_ARMS, ArmsField
from experiments.selectors.permissions import USE_CALCULATORS, may
from experiments.services.insights.guardrail_planning import GuardrailNeed, Holding, need_of
from experiments.services.insights.sample_size import (
    Assumptions,
    SamplePlan,
    lift_found_by,
    plan_for,
)
from experiments.services.reporting.statistics_messages import error_in_words
from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.fields import InvalidRequest
from experiments.stats.health.sample_ratio import SrmCheck, check_srm

MOST_GUARDRAILS = 20
METHODS = (
    ("fixed", _("Fixed: one planned look")),
    ("sequential", _("Sequential: valid at every look")),
    ("exact", _("Exact: small counts")),
    ("bayesian", _("Bayesian, flat prior")),
)


class SignificanceForm(forms.Form):
    arms = ArmsField(
        label=_("Arms"),
        columns={"visitors": _("visitors"), "clicks": _("clicks")},
        is_falling=True,
        initial="A 10000 500\nB 10000 580",
        help_text=_("One per line, the control first: name, visitors, clicking visitors."),
    )
    method = forms.ChoiceField(label=_("Method"), choices=METHODS)
    correction = forms.ChoiceField(
        label=_("Correction for several arms"),
        choices=(
            ("holm", "Holm"),
            ("hochberg", "Hochberg"),
            ("bh", "Benjamini-Hochberg"),
            ("by", "Benjamini-Yekutieli"),
            ("none", _("None")),
        ),
    )
    alpha = forms.FloatField(
        label=_("Significance level"), initial=0.05, min_value=0.0001, max_value=0.5
    )
    planned_n = forms.IntegerField(
        label=_("Planned visitors"),
        required=False,
        min_value=1,
        help_text=_("All arms together, for the sequential method: it is most precise there."),
    )


class SampleSizeForm(forms.Form):
    base = forms.FloatField(
        label=_("Current click rate in %"), initial=2, min_value=0.001, max_value=99.9
    )
    lift = forms.FloatField(
        label=_("Lift worth detecting in %"), initial=10, min_value=-99, max_value=1000
    )
    n_arms = forms.IntegerField(
        label=_("Arms with the control"), initial=2, min_value=2, max_value=MOST_ARMS
    )
    plan = forms.ChoiceField(
        label=_("Plan"),
        choices=(("sequential", _("Sequential")), ("fixed", _("Fixed horizon"))),
    )
    visitors_per_day = forms.FloatField(
        label=_("Visitors a day who see the slot"), required=False, min_value=0
    )
    alpha = forms.FloatField(
        label=_("Significance level"), initial=0.05, min_value=0.0001, max_value=0.5
    )
    power = forms.FloatField(label=_("Power"), initial=0.8, min_value=0.05, max_value=0.999)
    guardrails = forms.IntegerField(
        label=_("Guardrails"), required=False, initial=0, min_value=0, max_value=MOST_GUARDRAILS
    )
    guardrail_base = forms.FloatField(
        label=_("Current rate of the rarest guardrail in %"),
        required=False,
        min_value=0.001,
        max_value=99.9,
        help_text=_("A rate such as sign-ups. The rarest one needs most visitors."),
    )
    margin = forms.FloatField(
        label=_("Loss tolerated on it in %"),
        required=False,
        initial=2,
        min_value=0.1,
        max_value=100,
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("guardrails"):
            for name in ("guardrail_base", "margin"):
                if name not in self.errors and not data.get(name):
                    self.add_error(name, _("Needed for guardrails."))
        return data


class SplitForm(forms.Form):
    arms = ArmsField(
        label=_("Arms"),
        columns={"visitors": _("visitors"), "share": _("share")},
        fractions=("share",),
        initial="A 5000 50\nB 5200 50",
        help_text=_("One per line: name, visitors, share (any unit: 50 and 50, or 1 and 1)."),
    )


def for_members(view: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Close a page to those without a role on any site; ask those without a log-in for one."""

    @staff_member_required
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        if not may(request.user, USE_CALCULATORS):
            raise PermissionDenied
        return view(request)

    return checked


@for_members
def significance(request: HttpRequest) -> HttpResponse:
    form = SignificanceForm(request.GET or None)
    result = None
    if form.is_valid():
        try:
            result = analyze(_analyze_request(form.cleaned_data))
        except InvalidRequest as error:
            form.add_error(None, error_in_words(error))
    context = {"result": result, "arms": _with_rates(form.cleaned_data["arms"]) if result else []}
    return calculator_page(request, "significance", _("Significance calculator"), form, context)


@for_members
def sample_size(request: HttpRequest) -> HttpResponse:
    form = SampleSizeForm(request.GET or None)
    context: dict[str, Any] = {}
    if form.is_valid():
        try:
            context = _sizes(form.cleaned_data)
        except ValueError as error:
            form.add_error(None, error_in_words(error))
    return calculator_page(request, "sample_size", _("Sample size calculator"), form, context)


@for_members
def traffic_split(request: HttpRequest) -> HttpResponse:
    form = SplitForm(request.GET or None)
    check: SrmCheck | None = None
    arms: list[dict[str, Any]] = []
    if form.is_valid():
        arms = form.cleaned_data["arms"]
        total = sum(arm["share"] for arm in arms)
        try:
            shares = [arm["share"] / total for arm in arms]
            check = check_srm([int(arm["visitors"]) for arm in arms], shares)
            arms = [{**arm, "share": share} for arm, share in zip(arms, shares, strict=True)]
        except (ValueError, ZeroDivisionError) as error:
            form.add_error(None, error_in_words(error))
    context = {"check": check, "arms": arms}
    return calculator_page(request, "traffic_split", _("Traffic split calculator"), form, context)


def _with_rates(arms: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**arm, "rate": arm["clicks"] / arm["visitors"] if arm["visitors"] else None}
        for arm in arms
    ]


def _analyze_request(data: Mapping[str, Any]) -> dict[str, Any]:
    planned = {"planned_n": data["planned_n"]} if data["planned_n"] else {}
    return {
        **planned,
        "metric": "proportion",
        "method": data["method"],
        "correction": data["correction"],
        "alpha": data["alpha"],
        "arms": [
            {"name": arm["name"], "n": int(arm["visitors"]), "sum": arm["clicks"]}
            for arm in data["arms"]
        ],
    }


def _sizes(data: Mapping[str, Any]) -> dict[str, Any]:
    assumed = Assumptions(
        base=data["base"] / 100,
        lift=data["lift"] / 100,
        n_arms=data["n_arms"],
        alpha=data["alpha"],
        power=data["power"],
        is_sequential=data["plan"] == "sequential",
        visitors_per_day=data["visitors_per_day"],
    )
    plan: SamplePlan = plan_for(assumed)
    ladder = [
        (factor * plan.size.total, lift_found_by(assumed, visitors=factor * plan.size.total))
        for factor in (0.25, 0.5, 1, 2, 4)
    ]
    return {"plan": plan, "ladder": ladder, "need": _guardrail_need(data, assumed, plan)}


def _guardrail_need(
    data: Mapping[str, Any], assumed: Assumptions, plan: SamplePlan
) -> GuardrailNeed | None:
    if not data["guardrails"]:
        return None
    holding = Holding(
        base=data["guardrail_base"] / 100,
        margin=data["margin"] / 100,
        guardrails=data["guardrails"],
    )
    return need_of(holding, assumed, planned_visitors=plan.size.total)


def calculator_page(
    request: HttpRequest, name: str, title: Any, form: forms.Form, context: dict[str, Any]
) -> HttpResponse:
    """Return the page of a calculator, which stands in the frame of the admin."""
    shared = {**admin.site.each_context(request), "title": title, "form": form}
    return render(request, f"calculators/{name}.html", {**shared, **context})
