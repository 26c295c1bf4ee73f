"""Preferences of people, the way back to their forms, and the second factor that is demanded."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from accounts.preferences import preferences_of
from accounts.second_factor import has_second_factor

# Pages of people. Whatever visitors and caches get depends on no log-in.
PERSONAL = ("/admin/", "/account/", "/api/v1/", "/calculators/")

# Pages for those who have none yet: setting one up, and leaving.
OPEN = frozenset(
    {
        *("mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_list_webauthn"),
        *("mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_download_recovery_codes"),
        *("account_login", "account_logout", "account_reauthenticate", "account_change_password"),
        *("set_language", "jsi18n", "home", "logout"),
    }
)


class ApplyPreferences:
    """Answers in the language and the time zone of the person, not of the browser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_personal = settings.SESSION_COOKIE_NAME in request.COOKIES and request.path.startswith(
            PERSONAL
        )
        if not is_personal or not request.user.is_authenticated:
            return self.get_response(request)
        chosen = preferences_of(request.user)
        if chosen.language:
            # The next request activates its own: see LocaleMiddleware.
            translation.activate(chosen.language)
            request.LANGUAGE_CODE = chosen.language
        with timezone.override(chosen.time_zone or None):
            return self.get_response(request)


class LeadBackToForms:
    """Leads whoever posts a form without a session to its page after the log-in.

    The address that is posted to may have no page of its own.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            log_in = reverse("admin:login")
            page = _page_of_form(request)
            if page and response.headers["Location"].startswith(f"{log_in}?"):
                response.headers["Location"] = f"{log_in}?{urlencode({'next': page}, safe='/')}"
        return response


def _page_of_form(request: HttpRequest) -> str:
    """Return the page of the admin from which a form was posted; empty if that is unknown."""
    try:
        parts = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    is_own = parts.netloc == request.get_host() and parts.path.startswith(reverse("admin:index"))
    return urlunsplit(("", "", parts.path, parts.query, "")) if is_own else ""


class RequireSecondFactor:
    """With `CTAOPT_REQUIRE_SECOND_FACTOR`, shows only the pages that set one up until it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.CTAOPT_REQUIRE_SECOND_FACTOR or not self._must_set_up(request):
            return self.get_response(request)
        sentence = _("Set up a second factor first: this installation demands one of everybody.")
        if request.path.startswith("/api/"):
            raise PermissionDenied(sentence)
        messages.warning(request, sentence)
        return HttpResponseRedirect(reverse("mfa_index"))

    def _must_set_up(self, request: HttpRequest) -> bool:
        # Without a session nobody is logged in: servers bring a key.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or _is_open(request):
            return False
        return request.user.is_authenticated and not has_second_factor(request.user)


def _is_open(request: HttpRequest) -> bool:
    try:
        return resolve(request.path_info).url_name in OPEN
    except Resolver404:  # No such page.
        return False
