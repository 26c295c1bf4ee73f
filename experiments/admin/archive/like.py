"""Page and fragment of the past tests like a draft or a report."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from experiments.admin.experiment_pages import readable_experiment, url_of
from experiments.models import Experiment
from experiments.selectors.permissions import sites_where
from experiments.services.archive.meaning import past_tests_like

VIEW_PAST = "experiments.view_pasttest"
NAME = "experiments_experiment_like"


def like_urls(admin_site: AdminSite) -> list[URLPattern]:
    """Return the page of the past tests like an experiment."""

    def like(request: HttpRequest, pk: int) -> HttpResponse:
        experiment = readable_experiment(request, pk)
        shown = {"like": past_tests_like(experiment, sites=sites_where(request.user, VIEW_PAST))}
        if request.headers.get("HX-Request"):
            return render(request, "admin/experiments/past_tests/like.html", shown)
        context = {
            **admin_site.each_context(request),
            **shown,
            "title": experiment.name,
            "opts": Experiment._meta,
            "report_url": url_of("report", experiment),
        }
        return render(request, "admin/experiments/past_tests/like_page.html", context)

    return [path("<int:pk>/like/", admin_site.admin_view(like), name=NAME)]
