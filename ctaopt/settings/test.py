"""The test suite: in memory, tasks at once, cheap passwords."""

from ctaopt.settings.base import *  # noqa: F403
from ctaopt.settings.base import DATABASES, LOGGING, env

CTAOPT_DEMO = True
SECRET_KEY = "test-only-secret-key-for-the-test-suite"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if "DATABASE_URL" not in env.ENVIRON:
    DATABASES["default"]["NAME"] = ":memory:"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
# Every request sees the last write: tests change the configuration and ask at once.
CTAOPT_SNAPSHOT_MAX_AGE_S = 0.0
# No thread: a test writes the uses of keys itself.
CTAOPT_KEY_USE_PERIOD_S = 0.0
# No test asks the service of whoever works on this machine.
CTAOPT_SCORING_URL = "unix:/nowhere/scoring.sock"
# A test sees what it stored inside its own transaction.
CTAOPT_GROUP_COMMIT = False
# Each process of the tests counts for itself.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Tests of one process have the same causes; what is left to tell would come after its end.
LOGGING["handlers"]["console"]["filters"].remove("floods")
# Counters of one process, with no thread that writes them.
CTAOPT_METRICS_DIR = None
CTAOPT_INTAKE_INTERVAL_S = 0.0
