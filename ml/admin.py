"""Admin of predictor versions: manifest, figures, and rollback to an earlier version."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.formats import number_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from ml.models import PredictorVersion
from ml.predict import PredictorError, absent_encoders, list_encoders, roll_back
from ml.presentation.abstention_messages import abstention_sentences
from ml.presentation.encoder_rows import absent_row, encoder_row
from ml.presentation.gate_messages import confirmation_sentences, verdict_rows
from ml.presentation.learning_curve_text import more_tests_sentences
from ml.presentation.messages import STRATEGIES, likeness_sentence
from ml.presentation.predictor_charts import (
    draw_learning_curves,
    draw_levels,
    draw_reliability,
    draw_risk,
    estimate_in_words,
)
from ml.presentation.version_summary import accuracy_sentences, difference_sentences
from ml.registry import retire_active, version_before
from ml.scoring.manifest import EstimateRecord, MetricName, MetricsRecord

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Status = PredictorVersion.Status
# Every status needs a label: otherwise the theme shows its code.
LABELS = {
    Status.ACTIVE: "success",
    Status.CANDIDATE: "info",
    Status.RETIRED: "default",
    Status.REJECTED: "warning",
}
FIGURES: Mapping[MetricName, "StrOrPromise"] = {
    "accuracy_all": _("Better wording picked, all pairs"),
    "accuracy_p05": _("Better wording picked, pairs with p < 0.05"),
    "top1": _("Best of a test picked"),
    "lift_of_pick": _("Click rate of the pick over the mean"),
    "log_loss": _("Log loss"),
    "ece": _("Calibration error"),
}
# Figures shown as percentages.
SHARES: set[MetricName] = {"accuracy_all", "accuracy_p05", "top1", "lift_of_pick"}


@admin.register(PredictorVersion)
class PredictorVersionAdmin(ModelAdmin[PredictorVersion]):  # type: ignore[misc]
    """Read-only list of versions, which come from training; one of them is active."""

    list_display = ("number", "state", "strategy_name", "groups", "accuracy", "created_at")
    list_filter = ("status", "strategy")
    # A page of a list stays below 100 kB.
    list_per_page = 36
    actions = ("bring_back", "stop_predicting")
    fields = (
        "number",
        "status",
        "strategy_name",
        "created_at",
        "summary",
        "more_tests",
        "differences",
        "figures",
        "later_figures",
        "ceiling",
        "encoders",
        "source",
        "gate",
        "sureness",
        "calibration",
        "refusals",
        "levels",
    )
    readonly_fields = fields
    # Outside of the page's own form: a button of its own.
    change_form_outer_before_template = "admin/ml/measure_curve.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.encoders_view)
        return [path("encoders/", view, name="ml_encoders"), *super().get_urls()]

    def encoders_view(self, request: HttpRequest) -> HttpResponse:
        """List the encoders of this machine and those that can be installed."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Encoders"),
            "opts": self.opts,
            "rows": [
                encoder_row(
                    each.about,
                    is_packaged=each.is_packaged,
                    predictors=each.predictors,
                    is_active=each.active is not None,
                )
                for each in list_encoders()
            ],
            "absent": list(map(absent_row, absent_encoders())),
            "configured": settings.CTAOPT_ENCODER,
        }
        return render(request, "admin/ml/encoders.html", context)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: PredictorVersion | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: PredictorVersion | None = None
    ) -> bool:
        return False

    def has_bring_back_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("ml.change_predictorversion"))

    @display(description=_("status"), ordering="status", label=LABELS)  # type: ignore[untyped-decorator]
    def state(self, version: PredictorVersion) -> tuple[str, str]:
        return version.status, version.get_status_display()

    @admin.display(description=_("strategy"), ordering="strategy")
    def strategy_name(self, version: PredictorVersion) -> str:
        return str(STRATEGIES.get(version.strategy, _("none passed the gate")))

    @admin.display(description=_("past contrasts"))
    def groups(self, version: PredictorVersion) -> int:
        return version.training_record["data"]["groups"]

    @admin.display(description=_("Better wording picked, all pairs"))
    def accuracy(self, version: PredictorVersion) -> str:
        if not version.strategy:
            return "-"
        return _figure("accuracy_all", version.training_record["metrics"][version.strategy])

    @admin.display(description=_("In one sentence"))
    def summary(self, version: PredictorVersion) -> SafeString:
        sentences = accuracy_sentences(version.training_record, strategy=version.strategy)
        return format_html_join("", "<p>{}</p>", ((one,) for one in sentences))

    @admin.display(description=_("With more past tests"))
    def more_tests(self, version: PredictorVersion) -> SafeString | str:
        record = version.training_record.get("learning_curve")
        sentences = more_tests_sentences(record, strategy=version.strategy)
        said = format_html_join("", "<p>{}</p>", ((one,) for one in sentences))
        return (said + draw_learning_curves(record) if record else said) or "-"

    @admin.display(description=_("Since the version before"))
    def differences(self, version: PredictorVersion) -> SafeString | str:
        before = version_before(version)
        if before is None:
            return gettext("It is the first one.")
        sentences = difference_sentences(
            version.training_record,
            before.training_record,
            strategy=version.strategy,
            strategy_before=before.strategy,
        )
        return format_html_join("", "<p>{}</p>", ((one,) for one in sentences)) or "-"

    @admin.display(description=_("What was compared"))
    def figures(self, version: PredictorVersion) -> SafeString:
        return _figures(version.training_record["metrics"], explains=True)

    @admin.display(description=_("On later tests, which no choice had seen"))
    def later_figures(self, version: PredictorVersion) -> SafeString | str:
        confirmation = version.training_record.get("confirmation")
        metrics = confirmation["metrics"] if confirmation else {}
        return _figures(metrics) if metrics else "-"

    @admin.display(description=_("best score possible"))
    def ceiling(self, version: PredictorVersion) -> str:
        return estimate_in_words(version.training_record["ceiling"]["binomial"], is_share=True)

    @admin.display(description=_("encoders compared, frozen"))
    def encoders(self, version: PredictorVersion) -> str:
        record = version.training_record
        tried = record.get("encoders") or []
        if not tried:
            return record["configuration"]["encoder"]["name"]
        chosen = gettext("%(encoder)s (chosen): %(accuracy)s")
        other = gettext("%(encoder)s: %(accuracy)s")
        return "; ".join(
            (chosen if each["chosen"] else other)
            % {"encoder": each["name"], "accuracy": _figure("accuracy_all", each["metrics"])}
            for each in tried
        )

    @admin.display(description=_("source tests"))
    def source(self, version: PredictorVersion) -> str:
        record = version.training_record.get("source")
        if not record:
            return gettext("none")
        figures = gettext(
            "%(groups)s past contrasts of another site or audience, worth %(effective)s equally "
            "likely wordings of %(arms)s. Proxy A-distance %(distance)s (0: alike, 2: of another "
            "kind), maximum mean discrepancy %(mmd)s (p = %(p)s)."
        ) % {
            "groups": record["groups"],
            "arms": record["arms"],
            "effective": number_format(f"{record['effective_arms']:.0f}"),
            "distance": number_format(f"{record['proxy_a_distance']:.2f}"),
            "mmd": number_format(f"{record['mmd']:.4f}"),
            "p": number_format(f"{record['mmd_p_value']:.3f}"),
        }
        return f"{figures} {likeness_sentence(record['proxy_a_distance'])}"

    @admin.display(description=_("gate"))
    def gate(self, version: PredictorVersion) -> SafeString:
        record = version.training_record
        is_nested = record["gate"].get("confirmed_by") == "nested"
        context = {
            "confirming_title": gettext("With the choice held out")
            if is_nested
            else gettext("On later tests"),
            "rows": [
                {
                    "strategy": row.strategy,
                    "on_folds": _gain(row.on_folds),
                    "confirming": _gain(row.confirming),
                    "outcome": row.outcome,
                    "transfer": row.transfer,
                }
                for row in verdict_rows(record["gate"])
            ],
            "sentences": confirmation_sentences(record),
        }
        return render_to_string("admin/ml/gate.html", context)

    @admin.display(description=_("Accuracy by certainty"))
    def sureness(self, version: PredictorVersion) -> SafeString | str:
        risk = version.training_record.get("risk")
        return draw_risk(risk) if risk else "-"

    @admin.display(description=_("Does it keep its word?"))
    def calibration(self, version: PredictorVersion) -> SafeString | str:
        risk = version.training_record.get("risk")
        return draw_reliability(risk) if risk else "-"

    @admin.display(description=_("Refusals"))
    def refusals(self, version: PredictorVersion) -> SafeString | str:
        record = version.training_record.get("abstention")
        if record is None:
            return "-"
        sentences = ((sentence,) for sentence in abstention_sentences(record))
        return format_html_join("", "<p>{}</p>", sentences)

    @admin.display(description=_("Audiences, languages, forms, positions"))
    def levels(self, version: PredictorVersion) -> SafeString | str:
        offsets = version.training_record.get("departures")
        return draw_levels(offsets) if offsets else "-"

    @admin.action(description=_("Put this version back into use"), permissions=["bring_back"])
    def bring_back(self, request: HttpRequest, queryset: QuerySet[PredictorVersion]) -> None:
        numbers = list(queryset.values_list("number", flat=True)[:2])
        if len(numbers) != 1:
            self.message_user(request, gettext("Choose one version."), messages.ERROR)
            return
        try:
            is_back = roll_back(numbers[0])
        except PredictorError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        if is_back:
            done = gettext("Predictor %(number)s is in use again.")
            self.message_user(request, done % {"number": numbers[0]}, messages.SUCCESS)
        else:
            only = gettext("Only a retired version can be put back into use.")
            self.message_user(request, only, messages.ERROR)

    @admin.action(
        description=_("Stop predicting (retire the active version)"), permissions=["bring_back"]
    )
    def stop_predicting(self, request: HttpRequest, queryset: QuerySet[PredictorVersion]) -> None:
        if retire_active():
            self.message_user(request, gettext("No predictor is active now."), messages.SUCCESS)
        else:
            self.message_user(request, gettext("No predictor was active."), messages.WARNING)


def _figures(metrics: Mapping[str, MetricsRecord], *, explains: bool = False) -> SafeString:
    """Return a table of figures; terms explain themselves where they are first on the page."""
    context = {
        "explains": explains,
        "strategies": [STRATEGIES[name] for name in metrics],
        "rows": [
            (key, title, [_figure(key, each) for each in metrics.values()])
            for key, title in FIGURES.items()
        ],
    }
    return render_to_string("admin/ml/figures.html", context)


def _gain(estimate: EstimateRecord | None) -> str:
    return estimate_in_words(estimate, is_share=False, digits=4) if estimate else "-"


def _figure(name: MetricName, metrics: MetricsRecord) -> str:
    return estimate_in_words(metrics[name], is_share=name in SHARES)
