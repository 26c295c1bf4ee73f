"""The demo on one machine: published keys and log-in, loopback only. Never for real visitors."""

from ctaopt.settings.base import *  # noqa: F403
from ctaopt.settings.secret import DEMO_SECRET_KEY

CTAOPT_DEMO = True
SECRET_KEY = DEMO_SECRET_KEY
# The demo page's second CTA is rendered on the server, by this service's own evaluation.
CTAOPT_DJANGO = {"KEY": "demo-client-key", "EVALUATE": "ctaopt.local_evaluation.evaluate"}
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# The account "demo" has no password; only this back end, named only here, lets it in.
AUTHENTICATION_BACKENDS = [
    "ctaopt.demo_login.DemoBackend",
    "ctaopt.role_backend.RoleBackend",
]
