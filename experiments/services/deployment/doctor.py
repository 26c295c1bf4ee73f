"""Doctor: every check of a deployment in an order in which one mends it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from experiments.redis_errors import redis_error
from experiments.services.deployment.database_checks import database_findings
from experiments.services.deployment.findings import Finding, error
from experiments.services.deployment.machine_checks import machine_findings
from experiments.services.deployment.process_checks import process_findings
from experiments.services.deployment.queue_checks import queue_findings
from experiments.services.deployment.settings_checks import settings_findings


class Section(NamedTuple):
    """Checks of one part; a part that is unreachable has one finding and hides no other."""

    title: str
    check: Callable[[], Iterator[Finding]]
    remedy: str


SECTIONS = (
    Section("Settings", settings_findings, "Correct the setting that the text names."),
    Section("Machine", machine_findings, "Give the service's account its data folder."),
    Section("Database", database_findings, "Start the database, or correct DATABASE_URL."),
    Section("Queue", queue_findings, "Start Redis, or correct the address."),
    Section("Processes", process_findings, "Mend the database first, then run this again."),
)


def examine() -> Iterator[tuple[str, list[Finding]]]:
    """Yield the findings of each section, also where the sections before it failed."""
    for section in SECTIONS:
        found: list[Finding] = []
        try:
            found.extend(section.check())
        except (DatabaseError, redis_error(), OSError, ImproperlyConfigured, ValueError) as problem:
            text = str(problem).strip().splitlines() or [type(problem).__name__]
            found.append(error(section.title.lower(), text[0], section.remedy))
        yield section.title, found
