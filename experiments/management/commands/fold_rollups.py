"""Fold waiting events into rollups, as the worker does every few seconds."""

from typing import Any

from django.core.management.base import BaseCommand

from experiments.services.rollups.folding import fold_pending


class Command(BaseCommand):
    help = "Fold the events that wait into the rollups. Again changes nothing."
    requires_migrations_checks = True

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(f"{fold_pending():,} events folded.")
