"""Offers of the first page beside the tests of wordings: the A/A test, and the holdout."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from experiments.admin.offers.aa_test import ADD, aa_url
from experiments.admin.offers.holdout import CHANGE, holdout_url
from experiments.formatting import percent
from experiments.selectors import catalogue, reports
from experiments.selectors.permissions import sites_where

# Sites whose holdout is named; the list of sites has the others.
MOST_SITES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One offer: its title, a sentence, and the page behind its button."""

    title: str
    text: str
    action: str
    url: str


def home_offers(request: HttpRequest) -> list[Offer]:
    """Return what a person may set up; nothing before there is a slot."""
    sites = sites_where(request.user, ADD)
    if not catalogue.slots_of(sites=sites).exists():
        return []
    return [_aa_offer(request), *_holdout_offers(request)]


def _aa_offer(request: HttpRequest) -> Offer:
    latest = reports.latest_aa_test(sites=sites_where(request.user, ADD))
    text = _("No A/A test has run yet: it shows if pages, split and counting are right.")
    if latest is not None and latest.stopped_at is not None:
        values = {"name": latest.name, "day": date_format(latest.stopped_at, "SHORT_DATE_FORMAT")}
        text = _("The last one, “%(name)s”, ended on %(day)s.") % values
    elif latest is not None:
        text = _("“%(name)s” has not ended yet.") % {"name": latest.name}
    return Offer(
        title=_("Check your set-up with an A/A test"),
        text=text,
        action=_("A/A test"),
        url=aa_url(),
    )


def _holdout_offers(request: HttpRequest) -> list[Offer]:
    found = []
    for site in sites_where(request.user, CHANGE).order_by("pk")[:MOST_SITES]:
        part = {"site": site.name, "part": percent(float(site.holdout), 0)}
        found.append(
            Offer(
                title=_("Holdout of %(site)s: %(part)s") % part,
                text=_("It shows what all tests have brought together."),
                action=_("Read the holdout"),
                url=holdout_url(site),
            )
            if site.holdout
            else Offer(
                title=_("Keep a holdout on %(site)s") % part,
                text=_("Visitors whom no test reaches show what all tests bring together."),
                action=_("Keep a holdout"),
                url=holdout_url(site),
            )
        )
    return found
