"""Pages about one's own account that allauth lacks, or that are not for everybody."""

import logging
from typing import Any

from allauth.account.views import password_change
from allauth.core.internal.httpkit import authenticated_user
from allauth.socialaccount.providers.openid_connect.views import login as oidc_login
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from requests import RequestException

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
