"""The history of an experiment: what was done to it, when, by whom and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.models import Change, Experiment

Kind = Change.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When something is done, by whom (None: the service itself, or a server), and why."""

    now: datetime
    author: Any = None
    note: str = ""


def record(experiment: Experiment, kind: Kind, occasion: Occasion) -> None:
    """Write one line of the history. Call in the transaction of the change."""
    Change.objects.create(
        experiment=experiment,
        kind=kind,
        at=occasion.now,
        note=occasion.note,
        author=occasion.author,
    )
