"""Build the documentation now, where the first visit of /docs/ should not wait for it."""

from typing import Any

from django.core.management.base import BaseCommand

from experiments.services.deployment.documentation import built_site


class Command(BaseCommand):
    help = "Build the documentation that /docs/ serves."

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(f"{built_site()}")
