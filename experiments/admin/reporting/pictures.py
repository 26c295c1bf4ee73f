"""Pictures of a report: their addresses, the SVG behind them, and a page with their numbers."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language

from experiments.admin.experiment_pages import VIEW, readable_experiment, url_of
from experiments.models import Experiment
from experiments.selectors.permissions import may
from experiments.services.documents.drawn.counted_pictures import counted_pictures
from experiments.services.documents.drawn.picture import Picture
from experiments.services.documents.drawn.picture_store import keep_pictures, kept_svg, svg_of
from experiments.services.pictures.looks import LOOKS
from experiments.services.reporting.full_report import FullReport, full_report

# The numbers are in the address: the same address is always the same picture.
KEPT_BY_BROWSERS = "private, max-age=31536000, immutable"
MEDIA_TYPE = "image/svg+xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPicture:
    """A picture on a page, with the address of each look and of its numbers."""

    picture: Picture
    wide: str
    narrow: str
    wide_dark: str
    narrow_dark: str
    numbers: str


def shown_pictures(full: FullReport) -> dict[str, ShownPicture]:
    """Return the pictures of a report by their names, kept for the browser's questions."""
    pictures = counted_pictures(full)
    keep_pictures(pictures)
    pk = full.report.experiment.pk
    return {picture.name: _shown(picture, pk) for picture in pictures}


def picture_urls(admin_site: AdminSite) -> list[URLPattern]:
    def svg(request: HttpRequest, pk: int, name: str, digest: str, look: str) -> HttpResponse:
        return _svg(readable_experiment(request, pk), name, digest, look)

    def numbers(request: HttpRequest, pk: int, name: str) -> HttpResponse:
        return _numbers(admin_site, request, readable_experiment(request, pk), name)

    return [
        path(
            "pictures/<slug:digest>/<slug:look>.svg",
            admin_site.admin_view(_kept_svg, cacheable=True),
            name="experiments_app_picture_svg",
        ),
        path(
            "<int:pk>/pictures/<slug:name>/<slug:digest>/<slug:look>.svg",
            admin_site.admin_view(svg, cacheable=True),
            name="experiments_experiment_picture_svg",
        ),
        path(
            "<int:pk>/pictures/<slug:name>/",
            admin_site.admin_view(numbers),
            name="experiments_experiment_picture",
        ),
    ]


def _svg(experiment: Experiment, name: str, digest: str, look: str) -> HttpResponse:
    if look not in LOOKS:
        raise Http404
    language = get_language() or "en"
    svg, kept_for = kept_svg(digest, look=look, language=language), KEPT_BY_BROWSERS
    if svg is None:
        # Its numbers are no longer kept: the present ones are drawn, and asked for again.
        picture = _picture(experiment, name)
        if picture is None:
            return HttpResponse(status=HTTPStatus.GONE)
        svg, kept_for = svg_of(picture, look=look, language=language), "no-store"
    return HttpResponse(svg, content_type=MEDIA_TYPE, headers={"Cache-Control": kept_for})


def _kept_svg(request: HttpRequest, digest: str, look: str) -> HttpResponse:
    """Return a picture of another page than a report; its hash stands on that page only."""
    if look not in LOOKS or not may(request.user, VIEW):
        raise Http404
    svg = kept_svg(digest, look=look, language=get_language() or "en")
    if svg is None:
        # Kept no more: its page keeps it again.
        return HttpResponse(status=HTTPStatus.GONE)
    return HttpResponse(svg, content_type=MEDIA_TYPE, headers={"Cache-Control": KEPT_BY_BROWSERS})


def _numbers(
    admin_site: AdminSite, request: HttpRequest, experiment: Experiment, name: str
) -> HttpResponse:
    with timezone.override(experiment.slot.site.zone):
        picture = _picture(experiment, name)
        report_url = url_of("report", experiment)
        if picture is None:
            return HttpResponseRedirect(report_url)
        keep_pictures([picture])
        context: dict[str, Any] = {
            **admin_site.each_context(request),
            "title": picture.title,
            "opts": Experiment._meta,
            "experiment": experiment,
            "shown": _shown(picture, experiment.pk),
            "report_url": report_url,
        }
        return render(request, "admin/experiments/picture.html", context)


def _picture(experiment: Experiment, name: str) -> Picture | None:
    """Return the present picture of this name; None where it has nothing to show."""
    full = full_report(experiment=experiment, now=timezone.now())
    return next((one for one in counted_pictures(full) if one.name == name), None)


def _shown(picture: Picture, pk: int) -> ShownPicture:
    # Computed once: it is the hash of all rows.
    digest = picture.digest

    def url(look: str) -> str:
        args = [pk, picture.name, digest, look]
        return reverse("admin:experiments_experiment_picture_svg", args=args)

    return ShownPicture(
        picture=picture,
        wide=url("wide"),
        narrow=url("narrow"),
        wide_dark=url("wide-dark"),
        narrow_dark=url("narrow-dark"),
        numbers=reverse("admin:experiments_experiment_picture", args=[pk, picture.name]),
    )
