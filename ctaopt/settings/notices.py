"""Notices: the mail server, the service's own address for links, and where webhooks may lead."""

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
NO_MAIL = "dummymail://"


def public_url(text: str, *, origins: list[str]) -> str:
    """Return the service's address without a slash at its end; empty if none is known.

    Args:
        text: Address that is set, or empty: then the first of the origins that names one host.
        origins: Origins that the service trusts.

    Raises:
        ImproperlyConfigured: If the address is none of http or https.
    """
    named = [origin for origin in origins if "*" not in origin]
    found = text or next(iter(named), "")
    if found and not found.startswith(("https://", "http://")):
        raise ImproperlyConfigured(f"CTAOPT_PUBLIC_URL: {found} is not https://...")
    return found.rstrip("/")


# The mail server, such as smtp+tls://name:password@mail.example.org:587; empty: no mail is sent.
_mail = env.email_url("CTAOPT_MAIL_URL", default=NO_MAIL)
CTAOPT_SENDS_MAIL = not _mail["EMAIL_BACKEND"].endswith("dummy.EmailBackend")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"] or None
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL"))
# Seconds to wait for each answer of the mail server.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("CTAOPT_MAIL_FROM", default="ctaopt@localhost")
CTAOPT_PUBLIC_URL = public_url(
    env.str("CTAOPT_PUBLIC_URL", default=""), origins=env.list("CTAOPT_TRUSTED_ORIGINS", default=[])
)
# Webhooks may lead to addresses of one's own network, over plain HTTP, too.
CTAOPT_PRIVATE_WEBHOOKS = env.bool("CTAOPT_PRIVATE_WEBHOOKS", default=False)
# Before so many visitors nobody is told that an arm has won, or that the control stays.
CTAOPT_NOTICE_VISITORS = env.int("CTAOPT_NOTICE_VISITORS", default=500)
if CTAOPT_NOTICE_VISITORS < 0:
    raise ImproperlyConfigured(f"CTAOPT_NOTICE_VISITORS: {CTAOPT_NOTICE_VISITORS} is less than 0.")
