"""The first page: the demo's shop window, or the way to the admin."""

from csp.constants import NONCE, SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from experiments.selectors import reports
from experiments.services.operations.demo_data import CLIENT_KEY

# A page for visitors makes no functions of texts, as the admin's theme does.
SCRIPTS = [SELF, NONCE]


@csp_replace({"script-src": SCRIPTS})
def home(request: HttpRequest) -> HttpResponse:
    if not settings.CTAOPT_DEMO:
        return redirect("admin:index")
    context = {
        "client_key": CLIENT_KEY,
        "has_clicked": "thanks" in request.GET,
        "experiments": reports.experiments_with_wordings(),
    }
    return render(request, "demo/home.html", context)
