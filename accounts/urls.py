"""Addresses of log-in and of one's own account.

Only those of allauth's pages that an installation has: nobody signs up, and no e-mail is sent.
"""

from allauth.account import views as account
from allauth.socialaccount import views as social
from django.urls import URLPattern, URLResolver, include, path

from accounts.views import (
    change_password,
    end_session,
    keep_theme,
    preferences,
    single_sign_on,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/", change_password, name="account_change_password"),
    path("preferences/", preferences, name="account_preferences"),
    path("preferences/theme/", keep_theme, name="account_theme"),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
    path("sessions/<int:pk>/end/", end_session, name="usersessions_end"),
    path("oidc/<str:provider_id>/login/", single_sign_on, name="openid_connect_login"),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
    path("sso/cancelled/", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("sso/error/", social.login_error, name="socialaccount_login_error"),
]
