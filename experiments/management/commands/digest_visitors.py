"""Replace the ids of visitors by digests, on sites of an earlier version."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.models import Site
from experiments.selectors import catalogue
from experiments.services.installation.visitor_takeover import NotYetError, take_over_visitors


class Command(BaseCommand):
    help = (
        "Keep visitors as keyed digests in place of the ids as sent: replace those that are "
        "stored. Once every process runs this version. Broken off, run it again."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("site", nargs="*", metavar="KEY", help="keys of sites; all without one")

    def handle(self, *_: Any, **options: Any) -> None:
        for site in _sites(options["site"]):
            try:
                done = take_over_visitors(site=site, now=timezone.now())
            except NotYetError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(
                f"{site.key}: visitors are digests. Replaced: {done.n_visitor_days:,} in the "
                f"events of a day each, {done.n_outcomes:,} in experiments."
            )


def _sites(keys: list[str]) -> list[Site]:
    if not keys:
        return list(Site.objects.order_by("key"))
    sites = {key: catalogue.site_by_key(key) for key in keys}
    for key, site in sites.items():
        if site is None:
            raise CommandError(f"There is no site {key!r}.")
    return [site for site in sites.values() if site is not None]
