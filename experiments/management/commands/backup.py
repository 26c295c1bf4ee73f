"""Backups of the live installation, and their check."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from experiments.services.installation.backup import make_backup, verify_backup
from experiments.services.installation.backup_manifest import (
    MANIFEST,
    BackupError,
    Manifest,
    finished_backups,
    read_manifest,
)


class Command(BaseCommand):
    help = (
        "Write database, secret, predictors and waiting events to a new folder inside FOLDER, "
        "while the service runs. It holds the secret: keep it as one."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument(
            "--keep", type=int, metavar="N", help="remove the oldest backups beyond N afterwards"
        )
        parser.add_argument(
            "--verify",
            action="store_true",
            help="make none: read the backup FOLDER, or every one in it, and check each byte",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        folder, keep = options["folder"].resolve(), options["keep"]
        if keep is not None and keep < 1:
            raise CommandError(f"--keep: {keep} is not 1 or more.")
        try:
            if options["verify"]:
                self._verify(folder)
            else:
                made = make_backup(folder, now=timezone.now(), keep=keep)
                self.stdout.write(f"{made}: {_described(read_manifest(made))}.")
        except BackupError as error:
            raise CommandError(str(error)) from error

    def _verify(self, folder: Path) -> None:
        chosen = [folder] if (folder / MANIFEST).exists() else finished_backups(folder)
        if not chosen:
            raise CommandError(f"There is no finished backup in {folder}.")
        for one in chosen:
            self.stdout.write(f"{one}: {_described(verify_backup(one))}. Whole.")


def _described(manifest: Manifest) -> str:
    rows = sum(manifest.rows.values())
    text = f"{len(manifest.files):,} files, {manifest.n_bytes / 1e6:,.1f} MB, {rows:,} rows"
    waiting = manifest.stream_entries
    return f"{text}, {waiting:,} requests of the stream" if waiting else text
