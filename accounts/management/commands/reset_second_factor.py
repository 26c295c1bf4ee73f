"""Removes the second factors of a person who has lost theirs: `reset_second_factor NAME`."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.second_factor import reset_second_factor


class Command(BaseCommand):
    help = "Remove a person's second factors and recovery codes, and end their sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="the name that the person logs in with")

    def handle(self, *_: Any, name: str, **__: Any) -> None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no account {name}.")
        removed = reset_second_factor(user)
        self.stdout.write(f"{name}: removed {removed}. The password alone opens the account now.")
