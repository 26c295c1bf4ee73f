"""Pages about one's own account that allauth lacks, or that are not for everybody."""

import logging
from typing import Any

from allauth.account.views import password_change
from allauth.core.internal.httpkit import authenticated_user
from allauth.socialaccount.providers.openid_connect.views import login as oidc_login
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as set_language_of_browser
from requests import RequestException

from accounts.forms import PreferencesForm
from accounts.models import Preferences
from accounts.preferences import keep_preference, preferences_of

logger = logging.getLogger(__name__)


def single_sign_on(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send people to the provider, whose own addresses are asked for first."""
    try:
        response: HttpResponse = oidc_login(request, provider_id)
    except RequestException as error:
        logger.warning("single sign-on: the provider does not answer (%s)", type(error).__name__)
        return render(request, "socialaccount/authentication_error.html", status=503)
    return response


@login_required
@require_POST
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of one's own sessions; other people's are not found."""
    get_object_or_404(UserSession, pk=pk, user=request.user).end()
    messages.success(request, _("The session has ended."))
    return redirect("usersessions_list")


@login_required
def change_password(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """Change one's password; who has none, such as those of single sign-on, gets none here."""
    if not authenticated_user(request).has_usable_password():
        raise PermissionDenied
    response: HttpResponse = password_change(request, **kwargs)
    return response


@login_required
def preferences(request: HttpRequest) -> HttpResponse:
    """Show and keep one's language, time zone and appearance."""
    kept = preferences_of(authenticated_user(request))
    form = PreferencesForm(request.POST or None, instance=kept)
    if request.method == "POST" and form.is_valid():
        form.save()
        with translation.override(kept.language or translation.get_language()):
            messages.success(request, _("Your preferences are kept."))
        return redirect("account_preferences")
    return render(request, "account/preferences.html", {"form": form})


@login_required
@require_POST
def keep_theme(request: HttpRequest) -> HttpResponse:
    """Keep the appearance that a button of the menu has switched to."""
    theme = request.POST.get("theme", "")
    if theme not in Preferences.Theme:
        return HttpResponseBadRequest()
    keep_preference(authenticated_user(request), theme=theme)
    return HttpResponse(status=204)


def set_language(request: HttpRequest) -> HttpResponse:
    """Switch the language of the browser, and keep it with the person who is logged in."""
    response = set_language_of_browser(request)
    language = request.POST.get("language", "")
    is_one = request.method == "POST" and language in dict(settings.LANGUAGES)
    if is_one and request.user.is_authenticated:
        keep_preference(request.user, language=language)
    return response
