"""Examination of a deployment, with what mends it."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from experiments.services.deployment.doctor import examine
from experiments.services.deployment.findings import Finding, Severity


class Command(BaseCommand):
    help = (
        "Check settings, machine, database, queue and processes, and name what mends them. "
        "Exit status 1 if something must be mended."
    )
    # It reports on the checks itself, and on a database that is not migrated.
    requires_migrations_checks = False
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument(
            "--fail-level",
            choices=("warning", "error"),
            default="error",
            help="the least that makes the exit status 1 (default: %(default)s)",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        worst = Severity.OK
        sections: dict[str, list[Finding]] = {}
        for title, found in examine():
            sections[title] = found
            worst = max([worst, *(finding.severity for finding in found)])
            if options["format"] == "text":
                self._write(title, found)
        if options["format"] == "json":
            self.stdout.write(json.dumps(_content(sections, worst), indent=2))
        else:
            self._summarise(sections)
        if worst >= Severity[options["fail_level"].upper()]:
            raise SystemExit(1)

    def _write(self, title: str, found: list[Finding]) -> None:
        self.stdout.write(title)
        for finding in found:
            name = finding.severity.name.lower()
            self.stdout.write(f"  {self._coloured(name)} {finding.subject}: {finding.text}")
            if finding.remedy:
                self.stdout.write(f"  {'':8} -> {finding.remedy}")
        self.stdout.flush()

    def _coloured(self, name: str) -> str:
        padded = f"{name:8}"
        if not self.stdout.isatty():
            return padded
        style = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "error": self.style.ERROR}
        return style[name](padded) if name in style else padded

    def _summarise(self, sections: dict[str, list[Finding]]) -> None:
        levels = [finding.severity for found in sections.values() for finding in found]
        n_errors, n_warnings = levels.count(Severity.ERROR), levels.count(Severity.WARNING)
        self.stdout.write(f"{n_errors} to mend, {n_warnings} to look at, {len(levels)} in all.")


def _content(sections: dict[str, list[Finding]], worst: Severity) -> dict[str, Any]:
    return {
        "status": worst.name.lower(),
        "sections": {
            title: [asdict(row) | {"severity": row.severity.name.lower()} for row in found]
            for title, found in sections.items()
        },
    }
