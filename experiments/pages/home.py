"""The first page: the demo's shop window, or the way to the admin."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render


def home(request: HttpRequest) -> HttpResponse:
    if not settings.CTAOPT_DEMO:
        return redirect("admin:index")
    return render(request, "demo/home.html")
