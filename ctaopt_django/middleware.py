"""Keeps a visitor's id, and keeps pages with a chosen CTA out of shared caches."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers

from ctaopt_django.visit import COOKIE, COOKIE_AGE_S, option, visit_of


class CtaoptMiddleware:
    """Put it below Django's UpdateCacheMiddleware, which keeps no page that is private."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        visit = visit_of(request)
        response = self._get_response(request)
        if visit.new_visitor:
            response.set_cookie(
                COOKIE,
                visit.new_visitor,
                max_age=COOKIE_AGE_S,
                domain=option("COOKIE_DOMAIN"),
                secure=request.is_secure(),
                samesite="Lax",
                httponly=False,  # The snippet counts for the same visitor.
            )
        if visit.is_personal:
            # A cache in between would give this visitor's arm to everybody.
            patch_cache_control(response, private=True, no_store=True)
            patch_vary_headers(response, ["Cookie"])
        return response
