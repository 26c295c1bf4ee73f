"""Pages of one experiment: their addresses, and the experiment that a page is asked for."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from experiments.models import Experiment
from experiments.selectors import reports
from experiments.selectors.permissions import sites_where

PREFIX = "experiments_experiment"
VIEW = "experiments.view_experiment"


def url_of(page: str, experiment: Experiment, *args: object) -> str:
    """Return the address of a page of an experiment, such as its "report"."""
    return reverse(f"admin:{PREFIX}_{page}", args=[experiment.pk, *args])


def readable_experiment(request: HttpRequest, pk: int) -> Experiment:
    """Return an experiment of the sites on which the person may see experiments.

    Raises:
        Http404: If there is none with this key.
    """
    sites = sites_where(request.user, VIEW)
    found: Experiment = get_object_or_404(reports.experiments_for_report(sites=sites), pk=pk)
    return found
