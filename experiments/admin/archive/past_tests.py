"""Pages of the archive: every past test of one's sites to filter and search, and each by itself."""

from io import BytesIO
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from experiments.admin.archive.filters import (
    AaFilter,
    EndedFilter,
    PastOwnerFilter,
    PastPrincipleFilter,
    PastTagFilter,
    YearFilter,
)
from experiments.admin.base import SiteRowsAdmin
from experiments.formatting import count, signed_interval, signed_percent
from experiments.models import PastTest, Slot
from experiments.selectors import history
from experiments.selectors.permissions import sites_where
from experiments.services.archive.entries import folded
from experiments.services.archive.meaning import NearText, nearest_to
from experiments.services.archive.results_file import MEDIA_TYPE, write_results
from ml import predict

# A search of more words is cut: each is looked for in every row.
MOST_WORDS = 12
MOST_CHARACTERS = 300
BEFORE_LIST = "admin/experiments/past_tests/before_list.html"
LIST = "experiments_pasttest_changelist"
RESULTS = "experiments_pasttest_results"
VIEW = "experiments.view_pasttest"
Verdict = PastTest.Verdict
# Kinds of the badges, as the stylesheet and the theme name them.
KINDS = {
    Verdict.WINNER: "good",
    Verdict.CONTROL: "info",
    Verdict.INCONCLUSIVE: "plain",
    Verdict.INVALID: "fault",
    Verdict.DIFFERENT: "info",
    Verdict.OPEN: "advice",
}


@admin.register(PastTest)
class PastTestAdmin(SiteRowsAdmin[PastTest]):
    """Rows are made from experiments and past wordings; nobody edits them."""

    list_display = ("name", "result", "best", "effect", "place", "audience", "who_came", "ended_on")
    list_filter = (
        "site",
        "verdict",
        "source",
        "slot",
        "audience",
        PastPrincipleFilter,
        PastTagFilter,
        PastOwnerFilter,
        EndedFilter,
        YearFilter,
        AaFilter,
    )
    # Its own search looks through every wording; the names only make the theme show the box.
    search_fields = ("words",)
    search_help_text = _("By meaning or by words, in any order: of the name or of any wording.")
    list_before_template = BEFORE_LIST
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PastTest]:
        rows: QuerySet[PastTest] = super().get_queryset(request)
        # A page of the list draws none of the wordings but the best one.
        return rows.select_related("slot").defer("arms", "words")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PastTest], search_term: str
    ) -> tuple[QuerySet[PastTest], bool]:
        words = " ".join(folded(search_term).split()[:MOST_WORDS])
        is_list = request.resolver_match is not None and request.resolver_match.url_name == LIST
        # A box that completes names is asked at every letter, and has no room for a remark.
        if not words or not is_list:
            return history.with_words(queryset, words), False
        nearest = nearest_to(search_term[:MOST_CHARACTERS], sites=sites_where(request.user, VIEW))
        vars(request)["searched_by"] = "words" if nearest is None else "meaning"
        vars(request)["nearest"] = nearest or {}
        in_order = ORDER_VAR not in request.GET
        rows = history.nearest_first(queryset, words, list(nearest or ()), in_order=in_order)
        return rows, False

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        name, *others = self.list_display
        # Only the answer to a search has a nearest wording.
        return (
            (name, "nearest", *others)
            if request.GET.get(SEARCH_VAR, "").strip()
            else (name, *others)
        )

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changes: ChangeList = super().get_changelist_instance(request)
        found: dict[int, NearText] = vars(request).get("nearest", {})
        for test in changes.result_list:
            vars(test)["near"] = found.get(test.pk)
        return changes

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.results_view)
        return [path("results.parquet", view, name=RESULTS), *super().get_urls()]

    def results_view(self, request: HttpRequest) -> HttpResponse:
        """Give the results of all past tests of one's sites as a file."""
        if not self.has_view_permission(request) or request.method != "GET":
            raise PermissionDenied
        file = BytesIO()
        write_results(file, sites=sites_where(request.user, VIEW))
        disposition = 'attachment; filename="past-tests.parquet"'
        headers = {"Content-Disposition": disposition}
        return HttpResponse(file.getvalue(), content_type=MEDIA_TYPE, headers=headers)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        test = self.get_object(request, object_id)
        if not self.has_view_permission(request, test) or request.method == "POST":
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": test.name,
            "opts": self.opts,
            **past_test_context(test),
        }
        return render(request, "admin/experiments/past_tests/past_test.html", context)

    @display(  # type: ignore[untyped-decorator]
        description=_("verdict"),
        ordering="verdict",
        label={
            Verdict.WINNER: "success",
            Verdict.CONTROL: "info",
            Verdict.INCONCLUSIVE: "default",
            Verdict.INVALID: "danger",
            Verdict.DIFFERENT: "info",
            Verdict.OPEN: "warning",
        },
    )
    def result(self, test: PastTest) -> tuple[str, str]:
        return test.verdict, test.get_verdict_display()

    @admin.display(description=_("nearest wording"))
    def nearest(self, test: PastTest) -> str:
        near: NearText | None = vars(test).get("near")
        if near is None:
            return gettext("has the words")
        if not near.nearness:
            return near.text
        values = {"wording": near.text, "nearness": near.nearness}
        return gettext("“%(wording)s” (%(nearness)s)") % values

    @admin.display(description=_("lift"), ordering="lift")
    def effect(self, test: PastTest) -> str:
        return "-" if test.lift is None else signed_percent(test.lift)

    @admin.display(description=_("visitors"), ordering="visitors")
    def who_came(self, test: PastTest) -> str:
        return count(test.visitors)

    @admin.display(description=_("place"))
    def place(self, test: PastTest) -> str:
        return place_of(test)


def place_of(test: PastTest) -> str:
    """Return the slot of an own test, or the position that an import states."""
    if test.slot:
        return test.slot.name
    return str(dict(Slot.Position.choices).get(test.placement, test.placement)) or "-"


def past_test_context(test: PastTest) -> dict[str, Any]:
    """Return what the page of one past test shows."""
    names = predict.trait_names()
    return {
        "test": test,
        "kind": KINDS[Verdict(test.verdict)],
        "place": place_of(test),
        "interval": signed_interval(_ends(test)),
        "sentence": _sentence(test),
        "arms": [
            arm | {"principles": [names[one] for one in arm["principles"] if one in names]}
            for arm in test.arms
        ],
        "report_url": _report_url(test),
    }


def _report_url(test: PastTest) -> str:
    if test.experiment_id is None:
        return ""
    return reverse("admin:experiments_experiment_report", args=[test.experiment_id])


def _ends(test: PastTest) -> tuple[float, float] | None:
    if test.lift_low is None or test.lift_high is None:
        return None
    return test.lift_low, test.lift_high


def _sentence(test: PastTest) -> str | SafeString:
    """Return what the verdict of an imported test rests on; empty for an own one."""
    if test.source == PastTest.Source.EXPERIMENT:
        return ""
    return {
        Verdict.DIFFERENT: gettext(
            "The click rates differ by more than chance would make them (chi-squared test, "
            "p below 0.05, read once). An imported test has no control, so there is no lift."
        ),
        Verdict.INCONCLUSIVE: gettext(
            "Chance alone could make the click rates differ so much (chi-squared test, p of 0.05 "
            "or above). That is not proof that the wordings are equal."
        ),
        Verdict.INVALID: gettext("The import marks its randomisation as in doubt."),
    }.get(Verdict(test.verdict), gettext("It has one wording only: nothing is compared."))
