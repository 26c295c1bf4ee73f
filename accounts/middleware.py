"""Preferences of logged-in people, and the second factor that an installation demands."""

from collections.abc import Callable

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
