"""The statistics engine for any counts: request JSON in, result JSON out."""

import json
import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError

from experiments.stats.engine.analyze import analyze
from experiments.stats.engine.fields import InvalidRequest

BAD_INPUT = 2


class Command(BaseCommand):
    help = "Analyse a request (JSON on standard input, see docs/statistics.md); needs no database."
    requires_system_checks: list[str] = []  # noqa: RUF012  Django's own declaration

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            request = json.loads(sys.stdin.read(), parse_constant=_refuse)
            result = analyze(request)
        except InvalidRequest as error:
            raise CommandError(str(error), returncode=BAD_INPUT) from error
        except (ValueError, RecursionError) as error:
            raise CommandError(f"request: is not JSON: {error}", returncode=BAD_INPUT) from error
        self.stdout.write(json.dumps(result, allow_nan=False))


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
