"""RSGI entry point of the web server: evaluations from memory, all else in its own share.

ctaopt.serve runs it, beside the process of Django (ctaopt.serving.django_process) that it hands
pages and the management API to.
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
django.setup(set_prefix=False)

# Models and settings exist from here on.
from django.conf import settings  # noqa: E402

from ctaopt.graceful_restart import VARIABLE, Membership  # noqa: E402
from ctaopt.observability.request_ids import request_id, sane_or_new  # noqa: E402
from ctaopt.refusals.refusal_page import refusal_page_for  # noqa: E402
from ctaopt.serving.django_child import SOCKET_VARIABLE  # noqa: E402
from experiments.api.front.application import BodyLimits, Front, Hooks  # noqa: E402
from experiments.api.front.django_proxy import DjangoProxy  # noqa: E402
from experiments.api.front.thread_shares import PathRule, Size, ThreadShares  # noqa: E402
from experiments.api.public.http import RequestIds  # noqa: E402
from experiments.services.events.redis_durability import warn_at_start  # noqa: E402
from experiments.services.installation.start_guard import guard_start  # noqa: E402
from experiments.services.monitoring.process_metrics import share_metrics  # noqa: E402
from experiments.services.serving.snapshot_store import SnapshotStore  # noqa: E402

# Long bodies under way in a process, all together.
MAX_HELD_BYTES = 67_108_864


def _front() -> Front:
    membership = Membership(os.environ[VARIABLE]) if VARIABLE in os.environ else None
    return Front(
        SnapshotStore(max_age_s=settings.CTAOPT_SNAPSHOT_MAX_AGE_S, in_background=True),
        shares=ThreadShares(
            {name: Size(*size) for name, size in settings.CTAOPT_SHARES.items()},
            [PathRule(*rule) for rule in settings.CTAOPT_SHARE_PATHS],
        ),
        limits=BodyLimits(
            public=settings.CTAOPT_MAX_BODY_BYTES,
            django=settings.CTAOPT_MAX_UPLOAD_BYTES,
            held=MAX_HELD_BYTES,
            timeout_s=settings.CTAOPT_BODY_TIMEOUT_S,
        ),
        django=DjangoProxy(
            os.environ.get(SOCKET_VARIABLE, ""), timeout_s=settings.CTAOPT_DJANGO_TIMEOUT_S
        ),
        hooks=Hooks(
            is_draining=membership.is_draining if membership else bool,
            on_loaded=membership.tell_loaded if membership else bool,
            request_ids=RequestIds(new=sane_or_new, set=request_id.set),
            error_page=refusal_page_for,
        ),
    )


guard_start()
application = _front()
share_metrics(folder=settings.CTAOPT_METRICS_DIR, role="web")
warn_at_start()
