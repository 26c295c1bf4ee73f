"""Celery's broker in a folder, made safe against its own readers."""

from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from typing import Any
from uuid import uuid4

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

# Ending of a message that is being written, and the age at which nobody writes it any more.
PART = ".part"
ABANDONED_AFTER_S = 3600.0


class Channel(filesystem.Channel):
    """kombu's own opens a message's file before it writes: a worker that looks then dies of it."""

    def _put(  # type: ignore[override]  # kombu's two superclasses disagree on a name
        self, queue: str, payload: dict[str, Any], **_: Any
    ) -> None:
        # In milliseconds, as kombu does: readers take the files in the order of their names.
        name = f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        hidden = folder / f"{name}{PART}"
        try:
            hidden.write_text(dumps(payload))
            hidden.replace(folder / name)
        except OSError as error:
            # Of a full disk; a remnant would take the space that is left.
            with suppress(OSError):
                hidden.unlink(missing_ok=True)
            raise ChannelError(f"Cannot add {name!r} to the folder {folder}") from error


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Have `filesystem://` mean this transport."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"


def remove_abandoned(folder: Path) -> int:
    """Remove what killed senders left half-written; return how many messages that were."""
    latest = time() - ABANDONED_AFTER_S
    removed = 0
    for path in folder.glob(f"*{PART}"):
        with suppress(OSError):  # Another worker removed it.
            if path.stat().st_mtime < latest:
                path.unlink()
                removed += 1
    return removed
