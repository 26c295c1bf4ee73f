"""Log-in: django-allauth with second factors, single sign-on, limits and password rules."""

import re
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
ROLES = ("viewer", "analyst", "marketer", "owner")
# A provider that is asked over TLS, or on this machine.
SAFE_PROVIDER = re.compile(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|$)")

# Demands a second factor of everybody: without one only its set-up is shown.
CTAOPT_REQUIRE_SECOND_FACTOR = env.bool("CTAOPT_REQUIRE_SECOND_FACTOR", default=False)
# Days for which the log of log-ins is kept; its addresses for 30 at most.
CTAOPT_LOG_IN_DAYS = env.int("CTAOPT_LOG_IN_DAYS", default=180)
if CTAOPT_LOG_IN_DAYS < 1:
    raise ImproperlyConfigured(f"CTAOPT_LOG_IN_DAYS: {CTAOPT_LOG_IN_DAYS} is not 1 or more.")


def checked_roles(pairs: list[str]) -> dict[str, str]:
    """Return the role by the key of the site, from texts such as `shop:viewer`.

    Raises:
        ImproperlyConfigured: If one has another form, or no known role.
    """
    roles = {}
    for pair in pairs:
        key, _, role = pair.strip().partition(":")
        if not key or role not in ROLES:
            raise ImproperlyConfigured(
                f"CTAOPT_OIDC_ROLES: {pair} is not a site and one of {', '.join(ROLES)}."
            )
        roles[key] = role
    return roles


def providers(*, server_url: str, client_id: str, secret: str, name: str) -> dict[str, Any]:
    """Return the settings of the provider of single sign-on; none without a server.

    Raises:
        ImproperlyConfigured: If its address is not encrypted, or the client is not named.
    """
    if not server_url:
        return {}
    if not SAFE_PROVIDER.match(server_url):
        raise ImproperlyConfigured(f"CTAOPT_OIDC_SERVER_URL: {server_url} is not https.")
    if not (client_id and secret):
        raise ImproperlyConfigured(
            "CTAOPT_OIDC_SERVER_URL needs CTAOPT_OIDC_CLIENT_ID and CTAOPT_OIDC_CLIENT_SECRET."
        )
    app = {
        # Stored, and part of the address that the provider sends people back to; never rename.
        "provider_id": "sso",
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": server_url, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app]}}


# Domains of e-mail addresses for whom an account is made at the first log-in; the roles that such
# an account gets. Without them: only accounts that a superuser made.
CTAOPT_OIDC_DOMAINS = [
    one.strip().lower().removeprefix("@") for one in env.list("CTAOPT_OIDC_DOMAINS", default=[])
]
CTAOPT_OIDC_ROLES = checked_roles(env.list("CTAOPT_OIDC_ROLES", default=[]))
SOCIALACCOUNT_PROVIDERS = providers(
    server_url=env.str("CTAOPT_OIDC_SERVER_URL", default=""),
    client_id=env.str("CTAOPT_OIDC_CLIENT_ID", default=""),
    secret=env.str("CTAOPT_OIDC_CLIENT_SECRET", default=""),
    name=env.str("CTAOPT_OIDC_NAME", default="Single sign-on"),
)
SOCIALACCOUNT_ADAPTER = "ctaopt.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
# A link, not a form: `form-action 'self'` would stop a form that redirects to the provider.
SOCIALACCOUNT_LOGIN_ON_GET = True

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# By password or second factor: no e-mail is sent.
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
# A session ends with the browser, or after two weeks.
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    # Failures alone count: by address, and by the name that somebody tries to enter with.
    "login_failed": "10/m/ip,100/d/ip,5/5m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("CTAOPT_PROXIES", default=0)

MFA_ADAPTER = "accounts.adapters.SecondFactorAdapter"
# A telephone may be half a minute off.
MFA_TOTP_TOLERANCE = 1
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
# Only http://localhost is allowed without HTTPS, by browsers and by this.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False

# NIST SP 800-63B-4: long, not known, not like the account; no rules of composition, no expiry.
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.log.PasswordLog"},
]
