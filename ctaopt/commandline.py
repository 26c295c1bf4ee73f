"""Command line behind manage.py: readable errors, and a check that the database exists."""

import sys
from collections.abc import Sequence

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import (
    BaseCommand,
    CommandParser,
    call_command,
    execute_from_command_line,
    get_commands,
    handle_default_options,
    load_command_class,
)
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

OURS = ("accounts", "experiments", "ml")


def run(argv: Sequence[str]) -> int:
    """Run a management command; return the exit status."""
    try:
        _take_settings(argv)
        command = our_command(argv)
        if command and command.requires_migrations_checks:
            migrate_embedded_database()
            _check_installation()
        if command and command.requires_system_checks:
            # Two thirds of a start: they import every page, which a command does not show.
            argv = [*argv[:2], "--skip-checks", *argv[2:]]
        execute_from_command_line(list(argv))
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OperationalError as error:
        sys.stderr.write(f"The database cannot be used: {error}\n")
        return 1
    return 0


def migrate_embedded_database() -> None:
    """Bring the embedded database up to date; an operator's own server is left alone."""
    if connection.vendor != "sqlite":
        return
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return
    name = connection.settings_dict["NAME"]
    sys.stderr.write(f"Database {name}: applying {len(plan)} migrations.\n")
    call_command("migrate", database=DEFAULT_DB_ALIAS, verbosity=0, interactive=False)


def our_command(argv: Sequence[str]) -> BaseCommand | None:
    """Return the command to run if it is one of ours; None for any other, and for its help."""
    if len(argv) < 2 or {"-h", "--help"} & set(argv):
        return None
    django.setup()
    app = get_commands().get(argv[1])
    return load_command_class(app, argv[1]) if app in OURS else None


def _check_installation() -> None:
    # The applications of the settings exist by now, not when this module is imported.
    from experiments.services.installation.start_guard import check_installation  # noqa: PLC0415

    check_installation()


def _take_settings(argv: Sequence[str]) -> None:
    """Let --settings and --pythonpath act before the first look at the settings."""
    parser = CommandParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    handle_default_options(parser.parse_known_args(argv[2:])[0])
