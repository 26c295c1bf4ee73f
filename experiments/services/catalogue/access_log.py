"""History of access to a site: keys made, rotated and revoked, and visitors exported or erased."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from experiments.models import AccessRecord, Site

Kind = AccessRecord.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Author of an act: a person, or a server by the name of its key; the command line: neither."""

    author: Any = None
    server_key: str = ""


COMMAND_LINE = Actor()


def record_access(
    site: Site, kind: Kind, *, at: datetime, by: Actor, key: str = "", note: str = ""
) -> None:
    """Write one line of the history. Call in the transaction of the change.

    Args:
        site: Site whose access it is about.
        kind: Kind of the act.
        at: Moment of the act.
        by: Person or server that acted.
        key: Name of the key that was changed; that of the acting key where none was.
        note: Reason or counts. Never a visitor, never a secret.
    """
    AccessRecord.objects.create(
        site=site,
        kind=kind,
        at=at,
        author=by.author,
        by_person=by.author is not None,
        key=key or by.server_key,
        note=note,
    )
