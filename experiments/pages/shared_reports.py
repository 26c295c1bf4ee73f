"""Page of a frozen report for whoever has its link: without an account, and without the admin."""

import json
from functools import partial
from http import HTTPStatus
from typing import Any

from allauth.core.internal.ratelimit import consume
from csp.constants import NONCE, NONE, SELF
from csp.decorators import csp_replace
from django.core import signing
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from experiments.models import ShareLink
from experiments.selectors.reports import changes_since, open_link_with
from experiments.services.documents.frozen_pages import frozen_svg
from experiments.services.documents.frozen_reports import (
    frozen_context,
    is_password_of,
    link_of_token,
)

# As for log-ins: wrong passwords alone count, by address and by link.
RATES = {"share_link": "10/m/ip,100/d/ip,5/5m/key"}
# As long as the shortest window of one link.
GUESS_S = 5 * 60
ACTION, APP = "share_link", "ctaopt.shared"
# How long the addresses of a page's pictures open: those further down are asked for when seen.
PICTURES_S = 24 * 3_600
HEADERS = {
    "Cache-Control": "no-store",
    # The address is the secret: no other site learns it.
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
POLICY: dict[str, list[Any]] = {
    "script-src": [NONE],
    # Wordings are drawn in the colours of their buttons, by a style element with the nonce.
    "style-src": [SELF, NONCE],
    "connect-src": [NONE],
    "img-src": [SELF],
    "form-action": [SELF],
}


# The page acts on nobody's session, and without a referrer no origin could be checked.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@csp_replace(POLICY)  # type: ignore[arg-type]
def shared_report(request: HttpRequest, token: str) -> HttpResponse:
    response = _answer(request, link_of_token(token, now=timezone.now()))
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _answer(request: HttpRequest, link: ShareLink | None) -> HttpResponse:
    if link is None:
        # The same answer for what has expired, was revoked or deleted, and never was.
        return render(request, "shared/closed.html", status=HTTPStatus.NOT_FOUND)
    if link.password and (refusal := _refusal(request, link)) is not None:
        return refusal
    frozen = link.frozen
    with timezone.override(frozen.experiment.slot.site.zone):
        context = frozen_context(frozen, partial(_picture_url, link))
        context |= {"link": link, "changes": changes_since(frozen)}
        return render(request, "shared/report.html", context)


def _picture_url(link: ShareLink, name: str, look: str) -> str:
    """Return the address of a picture, which opens for a day, without the password.

    It opens nothing once the link is closed.
    """
    given = signing.dumps([link.pk, name, look, get_language()], salt=APP)
    return reverse("shared-picture", args=[given])


@require_safe
@csp_replace(POLICY)  # type: ignore[arg-type]
def shared_picture(request: HttpRequest, given: str) -> HttpResponse:
    response = _drawn(request, given)
    for name, value in HEADERS.items():
        response.headers[name] = value
    return response


def _drawn(request: HttpRequest, given: str) -> HttpResponse:
    try:
        pk, name, look, language = signing.loads(given, salt=APP, max_age=PICTURES_S)
    except signing.BadSignature:
        pk, name, look, language = None, "", "", ""
    link = open_link_with(pk=pk, now=timezone.now()) if pk else None
    svg = None
    if link is not None:
        with translation.override(language):
            svg = frozen_svg(json.loads(link.frozen.content), name, look=look)
    if svg is None:
        return render(request, "shared/closed.html", status=HTTPStatus.NOT_FOUND)
    return HttpResponse(svg, content_type="image/svg+xml")


def _refusal(request: HttpRequest, link: ShareLink) -> HttpResponse | None:
    """Return the question for the password; None once it is answered."""
    status, fault = HTTPStatus.OK, ""
    if request.method == "POST":
        if not _may_try(request, link, is_failure=False):
            status, fault = HTTPStatus.TOO_MANY_REQUESTS, "often"
        elif is_password_of(link, password := request.POST.get("password", "")):
            return None
        else:
            if _is_new_guess(link, password):
                _may_try(request, link, is_failure=True)
            status, fault = HTTPStatus.FORBIDDEN, "wrong"
    return render(request, "shared/password.html", {"fault": fault}, status=status)


def _is_new_guess(link: ShareLink, password: str) -> bool:
    """Return False for a wrong password sent again: a second click tells a guesser nothing new.

    The page has no script that would hold the click back.
    """
    guess = salted_hmac(APP, f"{link.pk}:{password}", algorithm="sha256").hexdigest()
    return cache.add(f"{APP}:{guess}", 1, GUESS_S)


def _may_try(request: HttpRequest, link: ShareLink, *, is_failure: bool) -> bool:
    usage = consume(
        request,
        app=APP,
        action=ACTION,
        config=RATES,
        key=str(link.pk),
        dry_run=not is_failure,
    )
    return usage is not None
