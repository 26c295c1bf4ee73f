"""Pages of learnings: what past tests have shown so far, and what people conclude from them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from experiments.admin.archive.learning_form import LearningForm
from experiments.admin.archive.pictures import lifts_picture, name_of_group
from experiments.admin.base import SiteRowsAdmin
from experiments.admin.charts import effect_bars
from experiments.models import Learning, Site
from experiments.selectors import catalogue, history
from experiments.selectors.permissions import may, sites_where
from experiments.services.archive.site_learnings import (
    Knowledge,
    knowledge_of,
    site_learnings,
)
from experiments.services.archive.team_records import Grouping, team_records
from experiments.stats.meta_analysis import learnings
from ml import predict

VIEW = "experiments.view_learning"
ADD = "experiments.add_learning"
NAME = "experiments_learning_shown"
Kind = Learning.Kind
STATUSES = {
    "emerging": (_("Emerging"), "plain"),
    "supported": (_("Supported"), "info"),
    "confirmed": (_("Confirmed"), "good"),
    "refuted": (_("Refuted"), "fault"),
}
# What the page says of them.
RULE = {
    "fewest_supported": learnings.FEWEST_SUPPORTED,
    "chance_supported": learnings.CHANCE_SUPPORTED,
    "fewest_confirmed": learnings.FEWEST_CONFIRMED,
    "chance_confirmed": learnings.CHANCE_CONFIRMED,
    "chance_again": learnings.AGREEMENT_CONFIRMED,
}
GROUPINGS = {
    Grouping.PERSON: _("By responsible person"),
    Grouping.TAG: _("By tag of the test"),
}
# The filter of the list of past tests that shows all of a subject.
FILTERS = {Kind.PRINCIPLE: "principle", Kind.AUDIENCE: "audience"}


@admin.register(Learning)
class LearningAdmin(SiteRowsAdmin[Learning]):
    form = LearningForm
    list_display = ("statement", "site", "kind", "subject", "author", "written_at")
    list_filter = ("site", "kind")
    search_fields = ("statement", "note")
    autocomplete_fields = ("tests",)
    fields = ("site", "statement", "about", "raises", "tests", "note")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show whoever may only read it the columns, for the choice is a field of the form."""
        if obj is not None and not self.has_change_permission(request, obj):
            return ("site", "statement", "kind", "subject", "raises", "tests", "note")
        return self.fields

    def save_model(self, request: HttpRequest, obj: Learning, form: Any, change: Any) -> None:
        if not change:
            obj.written_at = timezone.now()
            obj.author = request.user if request.user.is_authenticated else None
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.shown_view)
        return [path("shown/", view, name=NAME), *super().get_urls()]

    def shown_view(self, request: HttpRequest) -> HttpResponse:
        """Show what the past tests of one site say."""
        if not self.has_view_permission(request):
            return HttpResponse(status=403)
        sites = sites_where(request.user, VIEW).order_by("name", "pk")
        site = _chosen(sites, request.GET.get("site", ""))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Learnings"),
            "opts": self.opts,
            "sites": sites,
            "site": site,
            "may_write": may(request.user, ADD),
            "rule": RULE,
            **(_site_context(site) if site else {}),
            **(_team_context(site, request.GET.get("by", "")) if site else {}),
        }
        return render(request, "admin/experiments/past_tests/learnings.html", context)


def _chosen(sites: QuerySet[Site], key: str) -> Site | None:
    """Return the site with this key, or else the first."""
    return sites.filter(key=key).first() or sites.first()


def _site_context(site: Site) -> dict[str, Any]:
    shown, names = site_learnings(site), _names(site)
    return {
        "groups": [
            (kind.label, _rows([one for one in shown.subjects if one.kind == kind], names))
            for kind in Kind
            if any(one.kind == kind and one.n_tests for one in shown.subjects)
        ],
        "written": [
            _written(learning, knowledge_of(learning, shown.subjects), names)
            for learning in history.learnings_of(site)
        ],
        "record": shown.record,
        "record_picture": lifts_picture(shown.record) if shown.record.has_lifts else None,
        "record_groups": [(name_of_group(group), group) for group in shown.record.groups],
    }


def _team_context(site: Site, chosen: str) -> dict[str, Any]:
    """Return the track record by the chosen team, and the choices; one that is unknown is none."""
    by = Grouping(chosen) if chosen in set(Grouping) else None
    page = reverse(f"admin:{NAME}")
    choices = [(None, _("All tests together")), *GROUPINGS.items()]
    return {
        "by": by,
        "teams": team_records(site, by) if by else [],
        "groupings": [
            {
                "text": label,
                "url": f"{page}?{_query(site, one)}#track-record",
                "is_chosen": one is by,
            }
            for one, label in choices
        ],
    }


def _query(site: Site, by: Grouping | None) -> str:
    return urlencode({"site": site.key} | ({"by": by.value} if by else {}))


def _names(site: Site) -> dict[tuple[str, str], str]:
    """Return the subjects' names by kind and key."""
    one = Site.objects.filter(pk=site.pk)
    pairs = [
        (Kind.PRINCIPLE, predict.trait_names()),
        (Kind.VERB_FORM, predict.verb_form_names()),
        (Kind.SLOT, dict(catalogue.slots_of(sites=one).values_list("key", "name"))),
        (Kind.AUDIENCE, dict(catalogue.audiences_of(sites=one).values_list("key", "name"))),
    ]
    return {(kind.value, key): name for kind, named in pairs for key, name in named.items()}


def _rows(subjects: Sequence[Knowledge], names: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the rows of one kind of subject, with bars on one scale."""
    known = [(one, one.lift) for one in subjects if one.lift is not None]
    bars = effect_bars([lift for _one, lift in known])
    return [
        {
            **_figures(subject),
            "name": names.get((subject.kind, subject.key), subject.key),
            "bar": bar,
            "url": _all_tests_url(subject),
        }
        for (subject, _lift), bar in zip(known, bars, strict=True)
    ]


def _figures(subject: Knowledge) -> dict[str, Any]:
    """Return what a row shows: the direction is the one that the tests point to."""
    if subject.effect is None or subject.lift is None:
        return {"n_tests": 0, "status": STATUSES["emerging"]}
    low, middle, high = subject.lift
    raises = middle >= 0
    chance = subject.effect.mean.chance_above(0)
    again = subject.effect.next_test.chance_above(0)
    return {
        "n_tests": subject.n_tests,
        "lift": middle,
        "interval": (low, high),
        "raises": raises,
        "chance": chance if raises else 1 - chance,
        "again": again if raises else 1 - again,
        "status": STATUSES[subject.status(raises=raises)],
        "tests": subject.latest,
    }


def _all_tests_url(subject: Knowledge) -> str:
    name = FILTERS.get(Kind(subject.kind))
    if name is None:
        return ""
    return f"{reverse('admin:experiments_pasttest_changelist')}?{name}={subject.key}"


def _written(
    learning: Learning, subject: Knowledge, names: dict[tuple[str, str], str]
) -> dict[str, Any]:
    return {
        **_figures(subject),
        "learning": learning,
        "about": names.get((learning.kind, learning.subject), learning.subject),
        # Of the claim, whatever direction the tests point to.
        "status": STATUSES[subject.status(raises=learning.raises)],
        "linked": list(learning.tests.all()),
        "url": reverse("admin:experiments_learning_change", args=[learning.pk]),
    }
