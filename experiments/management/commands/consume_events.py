"""Store what waits in the Redis Stream: runs beside the worker where CTAOPT_EVENTS_URL is set."""

import os
import signal
import socket
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.services.events.redis_durability import warn_at_start
from experiments.services.events.redis_stream import configured_stream
from experiments.services.events.stream_codec import STORAGE
from experiments.services.events.stream_consumer import Consumer


class Command(BaseCommand):
    help = "Store events from the Redis Stream until stopped. Any number of these may run."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        name = f"{socket.gethostname()}-{os.getpid()}"
        parser.add_argument(
            "--name", default=name, help="one of its own for every consumer (default: %(default)s)"
        )
        parser.add_argument("--entries", type=int, default=200, help="most requests read at once")
        parser.add_argument(
            "--reclaim-after",
            type=float,
            default=30.0,
            metavar="SECONDS",
            help="take over what another consumer read and did not store for so long",
        )
        parser.add_argument("--drain", action="store_true", help="store what is there, then end")

    def handle(self, *_: Any, **options: Any) -> None:
        stream = configured_stream()
        if stream is None:
            raise CommandError(
                "CTAOPT_EVENTS_URL is not set: the web processes store by themselves."
            )
        warn_at_start()
        consumer = Consumer(
            stream=stream,
            storage=STORAGE,
            name=options["name"],
            count=options["entries"],
            reclaim_after_s=options["reclaim_after"],
        )
        started = perf_counter()
        if options["drain"]:
            consumer.drain()
        else:
            stop_signal = _StopSignal()
            self.stdout.write(f"Consumer {consumer.name}: storing events until stopped.")
            self.stdout.flush()
            consumer.run(is_asked_to_stop=stop_signal)
        tally = consumer.tally
        self.stdout.write(
            f"{tally.stored:,} events stored, {tally.duplicates:,} known before, "
            f"{tally.buried:,} entries dead, in {perf_counter() - started:.2f} s."
        )


class _StopSignal:
    """True after SIGINT or SIGTERM: what is being stored is finished and acknowledged first."""

    def __init__(self) -> None:
        self._is_asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        return self._is_asked

    def _ask(self, *_: Any) -> None:
        self._is_asked = True
