"""History of an experiment: its changes, with time, author and reason."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.models import Change, Experiment
from experiments.services.lifecycle.outbox import tell_of_change

Kind = Change.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Time, author and reason of a change.

    `server_key`: name of the key of the server that acts. Neither: the service itself.
    """

    now: datetime
    author: Any = None
    note: str = ""
    server_key: str = ""


def record(experiment: Experiment, kind: Kind, occasion: Occasion) -> None:
    """Write one line of the history, and its notice, in the change's transaction."""
    change = Change.objects.create(
        experiment=experiment,
        kind=kind,
        at=occasion.now,
        note=occasion.note,
        author=occasion.author,
        by_person=occasion.author is not None,
        server_key=occasion.server_key,
    )
    tell_of_change(change)
