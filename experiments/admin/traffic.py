"""The page "Traffic and previews" of an experiment: shares, ramp, schedule, roll-back, links."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.editing.percent_fields import PercentField, fraction_of
from experiments.admin.workflow.previews import (
    origins_of,
    page_fault,
    page_of,
    page_to_preview,
    preview_cards,
)
from experiments.models import Change, Experiment, Variant
from experiments.selectors import lifecycle
from experiments.services.catalogue.cta_content import wording_of
from experiments.services.edits.object_history import Line, who_did
from experiments.services.lifecycle import schedules
from experiments.services.lifecycle.arm_rollback import restore_arm
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.ramps import SUGGESTED, PlannedStep, set_ramp, step_ends_at
from experiments.services.lifecycle.traffic_allocation import change_traffic
from experiments.services.lifecycle.transitions import roll_back_experiment, set_rolls_back
from experiments.services.operations.auto_rollback import (
    note_in_words,
    reason_by_hand,
    reason_in_words,
)
from experiments.services.reporting.end_of_test import (
    decision_in_words,
    names_of,
    report_then_in_words,
)
from experiments.services.serving.preview_links import MAX_AGE_S

Status = Experiment.Status
DATETIME = "%Y-%m-%dT%H:%M"
NOTE = gettext_lazy("Reason (kept in the history)")


class Percentages(forms.Field):
    """Percentages such as `1, 5, 10.5, 100`, as fractions."""

    def to_python(self, value: Any) -> list[Decimal]:
        words = str(value or "").replace("%", " ").replace(";", " ").replace(", ", " ").split()
        try:
            return [fraction_of(word) for word in words]
        except ValueError as error:
            raise forms.ValidationError(_("Write percentages such as 1, 5, 10, 100.")) from error


class SharesForm(forms.Form):
    """A percentage for each arm, and for all of them."""

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for arm in experiment.variants.all():
            label = _("Share of “%(name)s”, in %%") % {
                "name": wording_of(experiment, arm) or arm.key
            }
            self.fields[f"share_{arm.key}"] = PercentField(label=label, initial=arm.share)
        self.fields["coverage"] = PercentField(
            label=_("Coverage, in %"),
            initial=experiment.coverage,
            min_value=Decimal("0.0001"),
            help_text=_("Share of the audience in the test: 100 is everybody."),
        )
        self.fields["note"] = forms.CharField(label=NOTE, required=False, max_length=500)

    def shares(self) -> dict[str, Decimal]:
        prefix = "share_"
        return {
            name.removeprefix(prefix): value
            for name, value in self.cleaned_data.items()
            if name.startswith(prefix)
        }


class RampForm(forms.Form):
    steps = Percentages(
        label=gettext_lazy("Steps (percent of the audience)"),
        required=False,
        initial=", ".join(str(percent) for percent in SUGGESTED),
        help_text=gettext_lazy("Rising, such as 1, 5, 10, 25, 50, 100. Empty: no ramp."),
    )
    hold_hours = forms.DecimalField(
        label=gettext_lazy("Hours at each step"),
        min_value=Decimal("0.02"),
        max_value=Decimal(2160),
        decimal_places=2,
        initial=24,
    )


class ScheduleForm(forms.Form):
    """Times in the active zone, which the page sets to the site's."""

    starts_at = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=DATETIME),
        help_text=gettext_lazy(
            "A draft that is ready starts by itself at this time. Empty: by hand."
        ),
    )
    ends_at = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=DATETIME),
        help_text=gettext_lazy("It stops by itself at this time. Empty: by hand."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = {"zone": timezone.get_current_timezone_name()}
        self.fields["starts_at"].label = _("Planned start (%(zone)s)") % zone
        self.fields["ends_at"].label = _("Planned end (%(zone)s)") % zone


class RollbackForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


class RestoreForm(forms.Form):
    """Key of a rolled-back arm."""

    def __init__(self, *args: Any, arms: Sequence[Variant], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["arm"] = forms.ChoiceField(choices=[(arm.key, arm.key) for arm in arms])


class GuardForm(forms.Form):
    rolls_back = forms.BooleanField(
        label=gettext_lazy("Roll back on an alarm"),
        required=False,
        help_text=gettext_lazy(
            "Take a harmed arm out as soon as a guardrail shows it; show everybody the default CTA"
            " if no other arm is left or the visitors do not split as the shares say. Can be"
            " undone."
        ),
    )


def forms_of(
    experiment: Experiment, name: str = "", data: Mapping[str, Any] | None = None
) -> dict[str, forms.Form]:
    """Return every form of the page; the one of this name is bound to the data."""

    def bound(form: str) -> Mapping[str, Any] | None:
        return data if form == name else None

    is_draft = experiment.status == Status.DRAFT
    schedule = {"starts_at": experiment.starts_at, "ends_at": experiment.ends_at}
    page_forms: dict[str, forms.Form] = {
        "ramp": RampForm(bound("ramp")),
        "schedule": ScheduleForm(bound("schedule"), initial=schedule),
        "guard": GuardForm(bound("guard"), initial={"rolls_back": experiment.rolls_back}),
    }
    if not is_draft:
        page_forms["shares"] = SharesForm(bound("shares"), experiment=experiment)
        del page_forms["schedule"].fields["starts_at"]
        arms = [arm for arm in experiment.variants.all() if arm.rolled_back_at]
        page_forms["restore"] = RestoreForm(bound("restore"), arms=arms)
    if experiment.status == Status.RUNNING:
        page_forms["rollback"] = RollbackForm(bound("rollback"))
    return page_forms if experiment.status in Experiment.OPEN_STATUSES else {}


def apply(experiment: Experiment, name: str, form: Any, occasion: Occasion) -> None:
    """Do what a valid form asks for.

    Raises:
        CannotChangeError: If it cannot be.
        CannotScheduleError: If the schedule cannot be.
    """
    actions: dict[str, Callable[[Experiment, Any, Occasion], object]] = {
        "shares": _change_shares,
        "ramp": _set_ramp,
        "schedule": _set_schedule,
        "guard": _set_guard,
        "rollback": _roll_back,
        "restore": _restore,
    }
    actions[name](experiment, form, occasion)


def _change_shares(experiment: Experiment, form: SharesForm, occasion: Occasion) -> None:
    occasion_with_note = Occasion(
        now=occasion.now, author=occasion.author, note=form.cleaned_data["note"]
    )
    change_traffic(
        experiment=experiment,
        shares=form.shares(),
        coverage=form.cleaned_data["coverage"],
        occasion=occasion_with_note,
    )


def _set_ramp(experiment: Experiment, form: RampForm, occasion: Occasion) -> None:
    hours = form.cleaned_data["hold_hours"]
    steps = [PlannedStep(coverage=part, hold_hours=hours) for part in form.cleaned_data["steps"]]
    set_ramp(experiment=experiment, steps=steps, occasion=occasion)


def _set_schedule(experiment: Experiment, form: ScheduleForm, occasion: Occasion) -> None:
    schedules.set_schedule(
        experiment=experiment,
        starts_at=form.cleaned_data.get("starts_at"),
        ends_at=form.cleaned_data["ends_at"],
        occasion=occasion,
    )


def _set_guard(experiment: Experiment, form: GuardForm, occasion: Occasion) -> None:
    set_rolls_back(
        experiment=experiment, rolls_back=form.cleaned_data["rolls_back"], occasion=occasion
    )


def _roll_back(experiment: Experiment, form: RollbackForm, occasion: Occasion) -> None:
    reason = reason_by_hand(form.cleaned_data["reason"])
    occasion_with_note = Occasion(now=occasion.now, author=occasion.author, note=reason)
    roll_back_experiment(experiment=experiment, reason=reason, occasion=occasion_with_note)


def _restore(experiment: Experiment, form: RestoreForm, occasion: Occasion) -> None:
    restore_arm(experiment=experiment, key=form.cleaned_data["arm"], occasion=occasion)


def rolled_back_arms(experiment: Experiment) -> list[tuple[Variant, str]]:
    """Return the arms that were rolled back alone, with the reason in words."""
    arms = [arm for arm in experiment.variants.all() if arm.rolled_back_at]
    return [(arm, reason_in_words(arm.rollback_reason)) for arm in arms]


def traffic_context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    """Return what the page shows beside its forms."""
    # Posted, not part of the address: a link that somebody is sent must not make links that hand
    # the token to another host.
    requested = request.POST.get("page", "").strip()
    page = page_to_preview(experiment, requested) if requested else page_of(experiment)
    return {
        "experiment": experiment,
        "arms": list(experiment.variants.all()),
        "ramp": _ramp_rows(experiment),
        "phases": list(experiment.phases.all()),
        "rollback_reason": reason_in_words(experiment.rollback_reason)
        if experiment.rollback_reason
        else "",
        "rolled_back_arms": rolled_back_arms(experiment),
        "page": page or requested,
        "page_fault": "" if page else page_fault(experiment),
        "previews": preview_cards(experiment, page) if page else [],
        "has_address": bool(origins_of(experiment.slot.site)),
        "preview_days": MAX_AGE_S // 86_400,
        "changes": [
            (row, _who(row), _note(experiment, row)) for row in lifecycle.changes_of(experiment)
        ],
    }


def history_lines(experiment: Experiment) -> list[Line]:
    """Return what was done to an experiment, as lines of its history."""
    return [
        Line(
            at=row.at,
            who=_who(row),
            what=row.get_kind_display(),
            note=_note(experiment, row),
        )
        for row in lifecycle.changes_of(experiment)
    ]


def _who(row: Change) -> str:
    return who_did(row.author, row.server_key, by_person=row.by_person)


def _note(experiment: Experiment, row: Change) -> str:
    """Return the note of a change; that of the decision with what was decided, and why."""
    if row.kind != Change.Kind.DECIDE or not hasattr(experiment, "decision"):
        return note_in_words(row.kind, row.note)
    names = names_of(experiment)
    lines = (
        decision_in_words(experiment.decision, names=names),
        report_then_in_words(experiment.decision, names=names),
        row.note,
    )
    return "\n".join(line for line in lines if line)


def _ramp_rows(experiment: Experiment) -> list[tuple[Any, datetime | None]]:
    """Return the steps with the time at which the reached ones have lasted."""
    steps = list(experiment.ramp.all())
    return [(step, step_ends_at(step) if step.reached_at else None) for step in steps]
