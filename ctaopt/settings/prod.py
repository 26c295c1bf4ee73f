"""Real installations. Nothing unsafe has a default; what is unsafe is refused at start."""

from django.core.exceptions import ImproperlyConfigured

from ctaopt.settings.base import *  # noqa: F403
from ctaopt.settings.base import DATA_DIR, env
from ctaopt.settings.secret import checked_fallbacks, checked_secret_key

if env.bool("DEBUG", default=False):
    raise ImproperlyConfigured("DEBUG is refused outside the demo: unset it.")

SECRET_KEY = checked_secret_key(env.str("SECRET_KEY", default=""), data_dir=DATA_DIR)
# Former secrets, separated by commas, while one is rotated: docs/operations.md.
SECRET_KEY_FALLBACKS = checked_fallbacks(env.list("SECRET_KEY_FALLBACKS", default=[]))

# Set once the service stands behind TLS.
if env.bool("CTAOPT_HTTPS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    # Other hosts below this one's name, and lists that browsers carry, are for their owner to say.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
