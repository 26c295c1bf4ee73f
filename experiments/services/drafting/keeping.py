"""Input of the wizard and the studio, kept as typed: it outlives faults and lost sessions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from experiments.models import Typed, TypedExperiment

Content = Mapping[str, Sequence[str]]
# PostgreSQL stores no zero byte in JSON, and no half of a character.
UNSTORABLE = "\x00"


def open_row(*, person: Any, now: datetime) -> TypedExperiment:
    """Return the row of what a person is typing; a new one if there is none."""
    row, _is_new = TypedExperiment.objects.get_or_create(
        person=person, experiment=None, defaults={"updated_at": now}
    )
    return row


def keep(*, typed: Typed, content: Content, now: datetime) -> bool:
    """Store the fields as they were typed; return False if something was made of them."""
    clean = {name: [_storable(text) for text in texts] for name, texts in content.items()}
    rows = type(typed)._default_manager.filter(pk=typed.pk, **{typed.outcome: None})
    kept: bool = rows.update(content=clean, updated_at=now) == 1
    typed.content = clean
    return kept


def _storable(text: str) -> str:
    return text.replace(UNSTORABLE, "").encode("utf-8", "ignore").decode("utf-8")
