"""Warnings of keys that end soon, on the pages where an owner comes by."""

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone

from experiments.selectors.permissions import sites_where
from experiments.services.operations.key_expiry import ending_in_words, ending_keys


def warnings_for(request: HttpRequest) -> list[str]:
    """Return a sentence for each key that ends soon, of the sites whose keys the person sees."""
    sites = sites_where(request.user, "experiments.view_serverkey")
    return [ending_in_words(one) for one in ending_keys(now=timezone.now(), sites=sites)]


def warn_of_ending_keys(request: HttpRequest) -> None:
    for text in warnings_for(request):
        messages.warning(request, text)
