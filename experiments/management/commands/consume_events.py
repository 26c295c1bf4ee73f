"""Store what waits in the Redis Stream: runs beside the worker where CTAOPT_EVENTS_URL is set."""

import os
import signal
import socket
from time import monotonic, perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from prometheus_client import REGISTRY

from experiments.services.events.redis_durability import warn_at_start
from experiments.services.events.redis_stream import configured_stream
from experiments.services.events.stream_codec import STORAGE
from experiments.services.events.stream_consumer import Consumer
from experiments.services.monitoring.consumer_metrics import ConsumerMetrics
from experiments.services.monitoring.heartbeats import Heart, Role
from experiments.services.monitoring.process_metrics import share_metrics

# A consumer looks for its end between two readings; one that has not for so long is stuck.
LONGEST_STEP_S = 60.0


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
        metrics = ConsumerMetrics(consumer)
        REGISTRY.register(metrics)
        share_metrics(
            folder=settings.CTAOPT_METRICS_DIR,
            role="consumer",
            address=settings.CTAOPT_METRICS_ADDRESS,
        )
        started = perf_counter()
        try:
            self._consume(consumer, drain=options["drain"])
        finally:
            REGISTRY.unregister(metrics)
        tally = consumer.tally
        self.stdout.write(
            f"{tally.stored:,} events stored, {tally.duplicates:,} known before, "
            f"{tally.buried:,} entries dead, in {perf_counter() - started:.2f} s."
        )

    def _consume(self, consumer: Consumer[Any], *, drain: bool) -> None:
        if drain:
            consumer.drain()
            return
        stop_signal = _StopSignal()
        heart = Heart(Role.CONSUMER, is_alive=stop_signal.was_asked_lately)
        heart.start()
        self.stdout.write(f"Consumer {consumer.name}: storing events until stopped.")
        self.stdout.flush()
        consumer.run(is_asked_to_stop=stop_signal)
        heart.stop()


class _StopSignal:
    """True after SIGINT or SIGTERM: what is being stored is finished and acknowledged first."""

    def __init__(self) -> None:
        self._is_asked = False
        self._looked_at = monotonic()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        self._looked_at = monotonic()
        return self._is_asked

    def was_asked_lately(self) -> bool:
        """Return whether the consumer's loop goes on."""
        return monotonic() - self._looked_at < LONGEST_STEP_S

    def _ask(self, *_: Any) -> None:
        self._is_asked = True
