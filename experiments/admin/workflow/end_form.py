"""Form of the page that ends a test: its options, and what visitors will see after it."""

from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.cta_preview import draw
from experiments.models import CTA, Decision, Experiment
from experiments.selectors import lifecycle
from experiments.services.analysis.report import ArmResult
from experiments.services.lifecycle.decisions import Choice, chosen_arm, missing_locales
from experiments.services.reporting.aa_tests import is_aa_test
from experiments.services.reporting.end_of_test import SUGGESTED
from experiments.services.reporting.full_report import FullReport
from experiments.stats.decision.decide import Status

Outcome = Decision.Outcome
NEXT_STEPS = (
    ("nothing", gettext_lazy("Nothing: back to the report")),
    ("follow_up", gettext_lazy("Draft a follow-up test of the runner-up")),
    ("archive", gettext_lazy("Archive the test")),
)
HINTS = {
    Outcome.INCONCLUSIVE: gettext_lazy("No arm is proven better; nobody needs to change anything."),
    Outcome.INVALID: gettext_lazy("The data cannot be trusted: it teaches nothing."),
}
AA_HINTS = {
    Outcome.INCONCLUSIVE: gettext_lazy("No difference was found: the set-up has passed."),
    Outcome.INVALID: gettext_lazy("A difference was found, or visitors split wrongly."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One decision that can be chosen, with the arm that it keeps; `lift` is that of the report."""

    value: str
    title: str
    hint: str = ""
    drawn: SafeString | str = ""
    arm: ArmResult | None = None
    lift: float | None = None
    p_value: float | None = None
    is_chosen: bool = False
    is_suggested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """CTA that visitors of the slot see after the decision, and what to know before."""

    before: SafeString | str
    after: SafeString | str
    changes: bool
    warnings: tuple[str, ...]


class EndForm(forms.Form):
    outcome = forms.ChoiceField(
        error_messages={"required": gettext_lazy("Choose a decision.")},
    )
    promotes = forms.BooleanField(required=False)
    note = forms.CharField(
        required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    next_step = forms.ChoiceField(choices=NEXT_STEPS, required=False, initial="nothing")
    expected_default = forms.IntegerField(required=False)

    def __init__(
        self, *args: Any, experiment: Experiment, may_promote: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.may_promote = may_promote
        field: Any = self.fields["outcome"]
        field.choices = [(value, value) for value in values_of(experiment)]

    def clean(self) -> dict[str, Any]:
        """Drop a promotion that the decision or the role does not allow."""
        data: dict[str, Any] = super().clean() or {}
        outcome = data.get("outcome", "").partition(":")[0]
        is_possible = outcome in (Outcome.WINNER, Outcome.CONTROL)
        data["promotes"] = bool(data.get("promotes")) and self.may_promote and is_possible
        return data

    def choice(self) -> Choice:
        """Return the decision of a valid form."""
        data = self.cleaned_data
        outcome, _colon, arm = data["outcome"].partition(":")
        return Choice(
            outcome=outcome,
            arm=arm,
            note=data["note"],
            promotes=data["promotes"],
            expected_default=data["expected_default"],
        )


def values_of(experiment: Experiment) -> list[str]:
    """Return the decisions that the form takes: `winner:KEY` for each arm, then the others.

    The arms of an A/A test have nothing to win.
    """
    if is_aa_test(experiment):
        return [str(one) for one in HINTS]
    rivals = [arm for arm in experiment.variants.all() if arm.arm > 0]
    winners = [f"{Outcome.WINNER}:{arm.key}" for arm in rivals]
    return [*winners, *(str(one) for one in Outcome if one != Outcome.WINNER)]


def options_of(full: FullReport, *, chosen: str) -> list[Option]:
    """Return the decisions to choose from, winners first, as the report sees their arms."""
    report = full.report
    if is_aa_test(report.experiment):
        return _options_of_aa(full, chosen)
    variants = {arm.arm: arm for arm in report.experiment.variants.all()}
    rows = {row.arm: row.decisive for row in report.comparisons}
    suggested = SUGGESTED.get(full.verdict.status, "") if full.verdict else ""
    winner = full.decision.winner if full.decision else None
    options = []
    for arm in [*report.arms[1:], *report.arms[:1]]:
        value = f"{Outcome.WINNER}:{arm.key}" if arm.arm else str(Outcome.CONTROL)
        row = rows.get(arm.arm)
        is_it = winner == arm.arm if arm.arm else suggested == Outcome.CONTROL
        options.append(
            Option(
                value=value,
                title=_("“%(name)s” has won") % {"name": arm.text}
                if arm.arm
                else _("Keep the control “%(name)s”") % {"name": arm.text},
                drawn=draw(variants[arm.arm].cta, arm.text),
                arm=arm,
                lift=row.comparison.lift if row else None,
                p_value=row.p_value_adjusted if row else None,
                is_chosen=value == chosen,
                is_suggested=is_it,
            )
        )
    return [*options, *(_without_arm(one, chosen, suggested) for one in HINTS)]


def _options_of_aa(full: FullReport, chosen: str) -> list[Option]:
    """Return what an A/A test can end with: without an alarm, or with one."""
    is_alarm = full.verdict is not None and full.verdict.status == Status.INVALID
    suggested = Outcome.INVALID if is_alarm else Outcome.INCONCLUSIVE
    found = [_without_arm(one, chosen or suggested, suggested) for one in HINTS]
    return [replace(one, hint=str(AA_HINTS[Outcome(one.value)])) for one in found]


def _without_arm(outcome: Outcome, chosen: str, suggested: str) -> Option:
    return Option(
        value=str(outcome),
        title=str(outcome.label),
        hint=str(HINTS[outcome]),
        is_chosen=chosen == outcome,
        is_suggested=suggested == outcome,
    )


def effect_of(experiment: Experiment, value: str, *, promotes: bool) -> Effect:
    """Return what visitors see after a decision, as the form has it now."""
    outcome, _colon, arm = value.partition(":")
    slot = experiment.slot
    chosen = chosen_arm(experiment, Choice(outcome=outcome, arm=arm))
    before = slot.default_cta
    after = chosen.cta if chosen is not None and promotes else before
    warnings = []
    if chosen is not None and chosen.rolled_back_at:
        warnings.append(_("This arm was rolled back because it did harm."))
    if after != before:
        warnings += _promotion_warnings(experiment, after)
    return Effect(
        before=_drawn(before, slot.site.default_locale),
        after=_drawn(after, slot.site.default_locale),
        changes=after != before,
        warnings=tuple(warnings),
    )


def _promotion_warnings(experiment: Experiment, cta: CTA) -> list[str]:
    warnings = []
    missing = missing_locales(experiment.slot, cta)
    if missing:
        text = _("It has no wording in: %(languages)s. Those visitors see another language.")
        warnings.append(text % {"languages": ", ".join(missing)})
    others = lifecycle.other_live_experiments(experiment)
    if others:
        text = _("Also live on this slot: %(names)s. Their visitors keep their arms.")
        names = ", ".join(_("“%(name)s”") % {"name": other.name} for other in others)
        warnings.append(text % {"names": names})
    return warnings


def _drawn(cta: CTA, locale: str) -> SafeString | str:
    wordings = list(cta.wordings.all())
    own = [row for row in wordings if row.locale == locale]
    row = next(iter([*own, *wordings]), None)
    return draw(cta, row.text) if row else "-"
