from typing import Any

from django.core.management.commands.makemigrations import Command as MakeMigrations

from accounts.roles import as_owner


class Command(MakeMigrations):
    """Django's makemigrations, as the owner: on a new database the web role isn't there yet."""

    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner():
            super().handle(*args, **options)
