"""Settings shared by every installation; demo, test and prod hold the differences."""

from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from whitenoise.compress import Compressor

from ctaopt.observability.logs import logging_config
from ctaopt.settings import past_tests
from ctaopt.settings.admin_menu import UNFOLD  # noqa: F401  read by django-unfold
from ctaopt.settings.cache import cache
from ctaopt.settings.folders import made_folder, socket_mode, socket_path
from ctaopt.settings.log_in import *  # noqa: F403  read by Django and allauth
from ctaopt.settings.notices import *  # noqa: F403  read by Django and the delivery of notices
from ctaopt.settings.private_files import make_private
from ctaopt.settings.thread_shares import PATHS, from_environment
from ctaopt.settings.web_security import content_security_policy

# Generic admin and manager classes exist only for the type checker without this.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent.parent
env = environ.Env()

# Everything that is written at run time lives here.
DATA_DIR = made_folder(Path(env.str("CTAOPT_DATA_DIR", default=str(BASE_DIR / "var"))))
# Stored; never rename.
CTAOPT_MODEL_DIR = DATA_DIR / "models"
# Encoders that `manage.py install_encoder` fetched.
CTAOPT_ENCODER_DIR = DATA_DIR / "encoders"
CTAOPT_DEMO = False
CTAOPT_HISTORY_SOURCE = "experiments.services.learning.history_rows.history_rows"
# An installed encoder, or a name or path of a sentence-transformer, to be used alone; empty:
# training compares the packaged all-MiniLM-L6-v2 and every installed one.
CTAOPT_ENCODER = env.str("CTAOPT_ENCODER", default="")
# Where the scoring service listens: unix:/path of a socket, or http://host:port.
CTAOPT_SCORING_URL = env.str("CTAOPT_SCORING_URL", default=f"unix:{socket_path(DATA_DIR)}")
# Mode of that socket, octal: 0600 lets in the own user only, 0660 the group of its folder, too.
CTAOPT_SCORING_SOCKET_MODE = socket_mode(env.str("CTAOPT_SCORING_SOCKET_MODE", default="0600"))
make_private(DATA_DIR, group_enters=CTAOPT_SCORING_SOCKET_MODE == "0660")
CTAOPT_SCORING_APPLICATION = "ctaopt.observability.scoring_service:application"
# A page that asks for a ranking waits this long; then a worker does it.
CTAOPT_SCORING_TIMEOUT_S = 3.0
# So many new contrasts of wordings since the last training start another one at night; 0: never.
CTAOPT_RETRAIN_AFTER_TESTS = env.int("CTAOPT_RETRAIN_AFTER_TESTS", default=10)
# Processes that fine-tune a network together: with several graphics cards one for each.
CTAOPT_TRAINING_PROCESSES = env.int("CTAOPT_TRAINING_PROCESSES", default=1)
if CTAOPT_TRAINING_PROCESSES < 1:
    raise ImproperlyConfigured(
        f"CTAOPT_TRAINING_PROCESSES: {CTAOPT_TRAINING_PROCESSES} is not 1 or more."
    )
# Days for which raw events are kept; 0: for good. Less than 90 is refused: late events and what
# was known of a visitor before reach back so far. The default is within 25 months, however short
# they are (758 days), with the day itself and the night after it.
CTAOPT_EVENT_DAYS = env.int("CTAOPT_EVENT_DAYS", default=756)
if CTAOPT_EVENT_DAYS and CTAOPT_EVENT_DAYS < 90:
    raise ImproperlyConfigured(f"CTAOPT_EVENT_DAYS: {CTAOPT_EVENT_DAYS} is less than 90.")
# Seconds between two looks at the configuration's revision, in every process.
CTAOPT_SNAPSHOT_MAX_AGE_S = 1.0
# Seconds between two writes of the moments at which keys were last used.
CTAOPT_KEY_USE_PERIOD_S = 60.0
# Evaluations a second that one key may ask of one process; twice as many for a moment. 0: no limit.
CTAOPT_RATE_LIMIT_PER_S = env.float("CTAOPT_RATE_LIMIT_PER_S", default=5_000.0)
# Evaluations a second that one address may ask of one process with a client key; ten seconds' worth
# at once. 0: no limit.
CTAOPT_EVALUATIONS_PER_ADDRESS_PER_S = env.float(
    "CTAOPT_EVALUATIONS_PER_ADDRESS_PER_S", default=500.0
)
# Where browsers reach ctaopt.asgi, such as https://cta.example.org/ofrep/v1/stream. Empty: nowhere.
CTAOPT_STREAM_URL = env.str("CTAOPT_STREAM_URL", default="")
CONTENT_SECURITY_POLICY = content_security_policy(stream_url=CTAOPT_STREAM_URL)
# Events a second, in the long run, with one key (twice as many at once) and from one address of
# pages (a minute's worth at once: carriers and offices share one). All processes share the limits
# where there is a Redis Stream. 0: no limit.
CTAOPT_EVENTS_PER_KEY_PER_S = env.int("CTAOPT_EVENTS_PER_KEY_PER_S", default=20_000)
CTAOPT_EVENTS_PER_ADDRESS_PER_S = env.int("CTAOPT_EVENTS_PER_ADDRESS_PER_S", default=100)
# Open streams of one process; each costs it a socket and some kilobytes.
CTAOPT_STREAM_MAX_CONNECTIONS = env.int("CTAOPT_STREAM_MAX_CONNECTIONS", default=10_000)
# Those of them from one address with a client key: an office shares one. 0: no limit.
CTAOPT_STREAM_MAX_PER_ADDRESS = env.int("CTAOPT_STREAM_MAX_PER_ADDRESS", default=500)
# How long caches may answer with a site's payload: a change reaches everybody within a minute, a
# silent service is not noticed for a day.
CTAOPT_PAYLOAD_CACHE_CONTROL = env.str(
    "CTAOPT_PAYLOAD_CACHE_CONTROL",
    default="public, max-age=60, stale-while-revalidate=600, stale-if-error=86400",
)
# An event body of 64 KiB is what browsers let sendBeacon carry.
CTAOPT_MAX_BODY_BYTES = 65_536
# Threads of a web process for what has to wait, by share: `events=16:400 pages=2`.
CTAOPT_SHARES = from_environment()
CTAOPT_SHARE_PATHS = PATHS
# The most that a page or the management API takes in; a body must arrive within some seconds.
CTAOPT_MAX_UPLOAD_BYTES = env.int("CTAOPT_MAX_UPLOAD_BYTES", default=10_485_760)
CTAOPT_BODY_TIMEOUT_S = env.float("CTAOPT_BODY_TIMEOUT_S", default=30.0)
# A page or an answer of the management API that takes longer is given up, with 504.
CTAOPT_DJANGO_TIMEOUT_S = env.float("CTAOPT_DJANGO_TIMEOUT_S", default=120.0)
# Threads of a web process store their events together, in one transaction.
CTAOPT_GROUP_COMMIT = True
# A Redis Stream between web and database, such as redis://127.0.0.1:6379/0; empty: none.
CTAOPT_EVENTS_URL = env.str("CTAOPT_EVENTS_URL", default="")
# Requests that may wait there to be stored; beyond, events are refused with 503.
CTAOPT_EVENTS_MAX_WAITING = env.int("CTAOPT_EVENTS_MAX_WAITING", default=1_000_000)
# Where files wait that people upload to import them: for a day, then they are deleted.
CTAOPT_UPLOAD_DIR = DATA_DIR / "uploads"
# Where the processes of a machine put their counters together; whichever is asked tells all.
CTAOPT_METRICS_DIR: Path | None = DATA_DIR / "metrics"
# Where worker, consumer and scoring service answer Prometheus, such as 127.0.0.1:9464: for those
# that share no data folder with a web process. Empty: nowhere.
CTAOPT_METRICS_ADDRESS = env.str("CTAOPT_METRICS_ADDRESS", default="")
# Seconds between two additions to the hour's counts of taken and rejected events; 0: never.
CTAOPT_INTAKE_INTERVAL_S = 30.0
# Less space than this for the data folder is a problem that the admin and /readyz?verbose name.
CTAOPT_DISK_LEAST_FREE_MB = env.int("CTAOPT_DISK_LEAST_FREE_MB", default=500)
# Proxies of one's own between visitors and this service; their X-Forwarded-For is believed.
CTAOPT_PROXIES = env.int("CTAOPT_PROXIES", default=0)
if CTAOPT_PROXIES < 0:
    raise ImproperlyConfigured(f"CTAOPT_PROXIES: {CTAOPT_PROXIES} is less than 0.")

DEBUG = False
ALLOWED_HOSTS = env.list("CTAOPT_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CTAOPT_TRUSTED_ORIGINS", default=[])
CSRF_FAILURE_VIEW = "ctaopt.refusals.error_pages.csrf_failure"

INSTALLED_APPS = [
    "unfold",
    # Registers no page yet: ctaopt.urls does, when the first one is asked for.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.forms",
    "experiments.pages.static_files.StaticFiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    # The words for times in the list of sessions.
    "django.contrib.humanize",
    "accounts",
    "ctaopt.apps.CtaoptConfig",
    "ctaopt_django",
    "experiments",
    "ml",
]

MIDDLEWARE = [
    "experiments.api.v1.contract.versions.api_version",
    "experiments.api.v1.transport.ApiTransport",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ctaopt.refusals.bare_answers.bare_answers",
    "ctaopt.refusals.request_guard.request_guard",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.ApplyPreferences",
    "accounts.middleware.RequireSecondFactor",
    "accounts.middleware.LeadBackToForms",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ctaopt_django.middleware.CtaoptMiddleware",
    "ctaopt.theme.titles.AdminTitles",
    "experiments.pages.static_files.StaticFilesMiddleware",
]

# Where traces go, by the standard's own variable; empty: nowhere, and nothing of it is loaded.
CTAOPT_TRACES_URL = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")
if CTAOPT_TRACES_URL:
    MIDDLEWARE.insert(0, "ctaopt.observability.tracing.TracingMiddleware")

ROOT_URLCONF = "ctaopt.urls"
WSGI_APPLICATION = "ctaopt.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.admin_shell.admin_shell",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # Our widgets' templates come first.

DATABASES: dict[str, dict[str, Any]] = {
    "default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'ctaopt.sqlite3'}")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # Writers queue at BEGIN instead of failing in mid-transaction.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # FULL: an acknowledged event survives a power cut.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
# Opening a connection costs more than most of our queries.
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# Roles on sites decide what a person may do: permissions of users and groups are not read.
AUTHENTICATION_BACKENDS = ["ctaopt.role_backend.RoleBackend"]
CTAOPT_CACHE_URL = env.str("CTAOPT_CACHE_URL", default="")
CACHES: dict[str, dict[str, Any]] = {"default": cache(CTAOPT_CACHE_URL, folder=DATA_DIR / "cache")}
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
# One style of dates, with the month as a word: nobody has to guess which number is the day.
FORMAT_MODULE_PATH = ["ctaopt.formats"]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
# In place of the theme's: fonts and scripts that its pages load and ours do not need.
STATICFILES_DIRS = [BASE_DIR / "static"]
# Only developers' tools ask for the maps of scripts; brotli takes seconds for each.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
STATIC_ROOT = made_folder(DATA_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "experiments.pages.static_files.Storage"},
}

CELERY_BROKER_URL = env.str("CTAOPT_BROKER_URL", default="filesystem://")
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        # Stored; never rename.
        "data_folder_in": str(DATA_DIR / "broker" / "queue"),
        "data_folder_out": str(DATA_DIR / "broker" / "queue"),
        "control_folder": str(DATA_DIR / "broker" / "control"),
    }
    if CELERY_BROKER_URL.startswith("filesystem")
    else {}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ALWAYS_EAGER = False
CELERY_WORKER_CONCURRENCY = 2
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
# Beat sleeps this long at most, in seconds: a stop waits for it.
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    **past_tests.SCHEDULE,
    # A message that waited longer than one period is stale: the next one does its work.
    # Stored; never rename.
    "fold-rollups": {
        "task": "experiments.tasks.fold_rollups",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "tend-experiments": {
        "task": "experiments.tasks.tend_experiments",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "keep-standings": {
        "task": "experiments.tasks.keep_standings",
        "schedule": 20.0,
        "options": {"expires": 20.0},
    },
    "stop-planned-experiments": {
        "task": "experiments.tasks.stop_planned_experiments",
        # Within the hour after the end of a day, which is a site's own: only then can a plan end.
        "schedule": crontab(minute=15),
        "options": {"expires": 3600.0},
    },
    "find-bursts": {
        "task": "experiments.tasks.find_bursts",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "watch-experiments": {
        "task": "experiments.tasks.watch_experiments",
        "schedule": 300.0,
        "options": {"expires": 300.0},
    },
    "watch-for-frozen-arms": {
        "task": "experiments.tasks.watch_for_frozen_arms",
        "schedule": 600.0,
        "options": {"expires": 600.0},
    },
    "drop-events": {
        "task": "experiments.tasks.drop_events",
        "schedule": crontab(hour=2, minute=30),
        "options": {"expires": 3600.0},
    },
    "drop-uploads": {
        "task": "experiments.tasks.drop_uploads",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "deliver-notices": {
        "task": "experiments.tasks.deliver_notices",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "drop-notices": {
        "task": "experiments.tasks.drop_notices",
        "schedule": crontab(hour=2, minute=50),
        "options": {"expires": 3600.0},
    },
    "drop-log-ins": {
        "task": "experiments.tasks.drop_log_ins",
        "schedule": crontab(hour=2, minute=45),
        "options": {"expires": 3600.0},
    },
    "compare-rollups": {
        "task": "experiments.tasks.compare_rollups",
        "schedule": crontab(hour=4, minute=30),
        "options": {"expires": 3600.0},
    },
    "check-interactions": {
        "task": "experiments.tasks.check_interactions",
        "schedule": crontab(hour=5, minute=30),
        "options": {"expires": 3600.0},
    },
    "warn-of-ending-keys": {
        "task": "experiments.tasks.warn_of_ending_keys",
        "schedule": crontab(hour=6, minute=0),
        "options": {"expires": 3600.0},
    },
    "make-event-partitions": {
        "task": "experiments.tasks.make_event_partitions",
        "schedule": 3600.0,
        "options": {"expires": 3600.0},
    },
    "revive-jobs": {
        "task": "experiments.tasks.revive_jobs",
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
    "retrain-when-due": {
        "task": "experiments.tasks.retrain_when_due",
        "schedule": crontab(hour=3, minute=30),
        "options": {"expires": 3600.0},
    },
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "experiments.api.v1.authentication.ServerKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["experiments.api.v1.authentication.IsServerOrStaff"],
    "DEFAULT_PAGINATION_CLASS": "experiments.api.v1.contract.pagination.BoundedPagination",
    "DEFAULT_PARSER_CLASSES": ["experiments.api.v1.contract.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "experiments.api.v1.contract.errors.handle",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ctaopt",
    "DESCRIPTION": "Evaluation (OFREP), events, management and reports of a site's CTAs.",
    "VERSION": "1.2",
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "experiments.api.v1.contract.completion.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "FormEnum": "experiments.models.CTA.Form",
        "MetricEnum": "experiments.models.Experiment.Metric",
        "LearningStatusEnum": "experiments.api.v1.learnings.STATUSES",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "PREPROCESSING_HOOKS": ["experiments.api.v1.contract.schema.one_spelling_each"],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# Lines for people, or one JSON object a line.
LOGGING = logging_config(env.str("CTAOPT_LOG_FORMAT", default="line"))
