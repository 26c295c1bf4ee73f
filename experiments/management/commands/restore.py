"""An installation from a backup."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from experiments.services.installation.backup_manifest import BackupError
from experiments.services.installation.restore import newer_migrations, restore_backup


class Command(BaseCommand):
    help = (
        "Restore the backup FOLDER into this installation, which must be empty and stopped. "
        "Interrupted, nothing starts until it was run again."
    )
    # A check would migrate the database that is to be replaced.
    requires_migrations_checks = False
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of one backup")
        parser.add_argument("--force", action="store_true", help="replace what is there")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            folder = options["folder"].resolve()
            manifest = restore_backup(folder, is_forced=options["force"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        rows = sum(manifest.rows.values())
        self.stdout.write(f"Restored: {rows:,} rows as of {manifest.made_at:%Y-%m-%d %H:%M:%SZ}.")
        if waiting := newer_migrations(manifest):
            self.stdout.write(f"Run `manage.py migrate` next: {len(waiting)} migrations are newer.")
