"""Checks of the other processes: worker, beat, consumer, scoring service, and the predictor."""

import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from experiments.selectors import monitoring
from experiments.services.deployment.findings import Finding, error, ok, skipped, warning
from experiments.services.monitoring.heartbeats import SILENT_AFTER
from ml import predict

COMMANDS = {
    "worker": "celery --app ctaopt.celery worker --pool threads",
    "beat": "celery --app ctaopt.celery beat, on one machine",
    "consumer": "manage.py consume_events",
}


def process_findings() -> Iterator[Finding]:
    yield from _heartbeats()
    yield from _scoring(settings.CTAOPT_SCORING_URL)
    yield from _predictor()


def living(roles: "Counter[str]", *, needs_consumer: bool) -> Iterator[Finding]:
    """Yield what runs and what stands still, from the number of living processes of each role."""
    for role, command in COMMANDS.items():
        if role == "consumer" and not needs_consumer:
            continue
        if not roles[role]:
            text = f"No {role} has shown a sign of life for two minutes."
            yield error(role, text, f"Start {command}.")
        elif role == "beat" and roles[role] > 1:
            text = f"{roles[role]} beats run: periodic work is done several times."
            yield warning(role, text, "Keep one.")
        else:
            yield ok(role, f"{roles[role]} alive.")


def _heartbeats() -> Iterator[Finding]:
    since = timezone.now() - SILENT_AFTER
    alive = [
        row.role for row in monitoring.heartbeats() if row.beat_at > since and not row.stopped_at
    ]
    yield from living(Counter(alive), needs_consumer=bool(settings.CTAOPT_EVENTS_URL))


def _scoring(address: str) -> Iterator[Finding]:
    path = Path(address.removeprefix("unix:")) if address.startswith("unix:") else None
    if path is not None and path.exists() and stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO:
        yield error("scoring socket", f"{path} is open to every account.", f"chmod 600 {path}")
    if predict.scoring_answers():
        yield ok("scoring", f"Answers at {address}.")
    else:
        yield warning(
            "scoring",
            f"Nothing answers at {address}: rankings wait for the worker.",
            "Start `manage.py serve_scoring` under the account of the web processes.",
        )


def _predictor() -> Iterator[Finding]:
    number = predict.active_number()
    if number is None:
        yield skipped("predictor", "None is trained.")
    elif damage := predict.active_damage():
        yield error(
            "predictor",
            f"Predictor {number} cannot be used here: {damage}.",
            "Copy its folder from the machine that trained it, or restore a backup.",
        )
    else:
        yield ok("predictor", f"Predictor {number} is whole.")
    encoder = settings.CTAOPT_ENCODER
    if encoder and "/" in encoder and not Path(encoder).exists():
        yield error("encoder", f"{encoder} is not there.", "Correct CTAOPT_ENCODER.")
