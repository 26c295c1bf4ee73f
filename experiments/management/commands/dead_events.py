"""Look at events that could not be stored, store them once more, or let them go."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.redis_errors import redis_error
from experiments.services.events.redis_stream import DeadEntry, EventStream, configured_stream
from experiments.services.events.stream_codec import STORAGE

ACTIONS = ("list", "replay", "drop")


class Command(BaseCommand):
    help = "Dead entries of the Redis Stream: list them with the reason, replay or drop them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=ACTIONS, nargs="?", default="list")
        parser.add_argument("ids", nargs="*", metavar="ID", help="of dead entries, as listed")
        parser.add_argument("--all", action="store_true", help="every dead entry")
        parser.add_argument("--limit", type=int, default=50, help="list no more than these")

    def handle(self, *_: Any, **options: Any) -> None:
        stream = configured_stream()
        if stream is None:
            raise CommandError("CTAOPT_EVENTS_URL is not set: there is no stream.")
        try:
            if options["action"] == "list":
                self._list(stream, options["limit"])
            else:
                self._move(stream, options)
        except redis_error() as error:
            raise CommandError(f"Redis does not answer: {error}") from error

    def _list(self, stream: EventStream, limit: int) -> None:
        depths = stream.depths()
        for entry in stream.dead(count=limit):
            self.stdout.write(f"{entry.id}  {_when(entry)}  {_contents(entry)}  {entry.reason}")
        self.stdout.write(
            f"{depths.dead:,} dead entries; {depths.waiting:,} wait, "
            f"{depths.pending:,} of them are being stored."
        )

    def _move(self, stream: EventStream, options: dict[str, Any]) -> None:
        ids = set(options["ids"])
        if bool(ids) == options["all"]:
            raise CommandError("Name the ids of dead entries, or --all.")
        entries = [
            entry
            for entry in stream.dead(count=None if options["all"] else 1_000_000)
            if options["all"] or entry.id in ids
        ]
        unknown = ids - {entry.id for entry in entries}
        if unknown:
            raise CommandError(f"There is no dead entry {min(unknown)}.")
        move = stream.replay if options["action"] == "replay" else stream.drop
        for entry in entries:
            move(entry)
        outcome = {"replay": "put back into the stream", "drop": "dropped"}[options["action"]]
        self.stdout.write(f"{len(entries):,} entries {outcome}.")


def _when(entry: DeadEntry) -> str:
    milliseconds = int(entry.id.partition("-")[0])
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%SZ}"


def _contents(entry: DeadEntry) -> str:
    try:
        return f"{len(STORAGE.decode(entry.payload)):,} events"
    except ValueError:
        return f"{len(entry.payload):,} bytes"
