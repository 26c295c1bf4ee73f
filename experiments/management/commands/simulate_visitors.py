"""Drive an experiment through the HTTP interface with visitors of known behaviour."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime, time, timedelta
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from experiments.management.connection import ServiceError
from experiments.management.preflight import LOCK, running_address
from experiments.management.visitor_simulation import SimulationTally, Visits, simulate
from experiments.services.operations.demo_data import live_click_rates

DEFAULT_URL = "http://127.0.0.1:8000"


class Command(BaseCommand):
    help = "Send simulated visitors with stated click rates through a running service."
    # It only talks HTTP: the service may run on another machine.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", help=f"default: the demo that runs, or {DEFAULT_URL}")
        parser.add_argument("--key", default="demo-client-key", help="client or server key")
        parser.add_argument("--slot", default="hero-signup")
        parser.add_argument("--visitors", type=_positive, default=8_000)
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument(
            "--rates",
            type=_rates,
            default=None,
            help="true click rate of every arm: control=0.04,b=0.05 (default: those of the demo)",
        )
        parser.add_argument("--locale", default="fr")
        parser.add_argument("--threads", type=_positive, default=4)
        parser.add_argument(
            "--since",
            type=_instant,
            help="first visit: 2026-11-22, 2026-11-22T10:00:00Z (default: now)",
        )
        parser.add_argument("--days", type=float, default=0.0, help="spread the visits over these")

    def handle(self, *_: Any, **options: Any) -> None:
        rates = options["rates"] or live_click_rates()
        visits = Visits(
            url=options["url"] or running_address(settings.DATA_DIR / LOCK) or DEFAULT_URL,
            key=options["key"],
            slot=options["slot"],
            visitors=options["visitors"],
            seed=options["seed"],
            rates=rates,
            since=options["since"] or datetime.now(UTC),
            spread=timedelta(days=options["days"]),
            locale=options["locale"],
            threads=options["threads"],
        )
        started = perf_counter()
        try:
            tally = simulate(visits)
        except ServiceError as error:
            raise CommandError(
                f"{error}. The service was asked at {visits.url}; --url names another address."
            ) from error
        self._report(visits, tally, perf_counter() - started)

    def _report(self, visits: Visits, tally: SimulationTally, seconds: float) -> None:
        write = self.stdout.write
        write(
            f"{visits.slot} at {visits.url}: {visits.visitors:,} visitors in {seconds:.1f} s, "
            f"{tally.outside:,} of them outside experiments."
        )
        write(f"{'arm':<12} {'true rate':>9} {'shown':>8} {'clicks':>7} {'sent rate':>9}")
        for arm, rate in visits.rates.items():
            shown, clicks = tally.shown[arm], tally.clicked[arm]
            sent = f"{clicks / shown:.2%}" if shown else "-"
            write(f"{arm:<12} {rate:>9.2%} {shown:>8,} {clicks:>7,} {sent:>9}")
        write(
            f"Events: {tally.accepted:,} accepted, {tally.duplicates:,} known before; "
            f"{tally.sent_again:,} requests sent again."
        )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is not positive")
    return number


def _instant(text: str) -> datetime:
    try:
        day = parse_date(text)
        moment = parse_datetime(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r}: {error}") from error
    if day is not None:
        return datetime.combine(day, time(), UTC)
    if moment is None or moment.tzinfo is None:
        raise ArgumentTypeError(
            f"{text!r} is not a moment such as 2026-11-22 or 2026-11-22T10:00:00Z"
        )
    return moment


def _rates(text: str) -> dict[str, float]:
    rates = {}
    for part in text.split(","):
        arm, _, number = part.partition("=")
        try:
            rates[arm.strip()] = float(number)
        except ValueError as error:
            raise ArgumentTypeError(f"{part!r} is not an arm and a rate such as b=0.05") from error
    invalid_arms = [arm for arm, rate in rates.items() if not 0 <= rate <= 1]
    if invalid_arms:
        raise ArgumentTypeError(f"the rate of {invalid_arms[0]} lies outside 0 to 1")
    return rates
