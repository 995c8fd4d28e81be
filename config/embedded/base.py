"""Django's PostgreSQL backend on the embedded server: a connection starts the server, so any command may come first."""

from collections.abc import Iterable
from contextlib import closing
from typing import Any

from django.db import OperationalError
from django.db.backends.postgresql import base, client

from config.embedded.home import OFFICE_NAME, OWNER, HomeRefused
from config.embedded.programs import program
from config.embedded.server import ServerNotStarted, creating, ensure_running, start

OFFICES = (OFFICE_NAME, f"{OFFICE_NAME}_demo")


class DatabaseClient(client.DatabaseClient):
    """The wheel's psql, for `manage.py dbshell`."""

    executable_name = str(program("psql"))

    def runshell(self, parameters: Iterable[str]) -> None:
        """Open the shell on a server that runs, as its owner even where the settings assume another role."""
        self.connection.get_new_connection(self.connection.get_connection_params())
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to the embedded server."""

    client_class = DatabaseClient

    def get_connection_params(self) -> dict[str, Any]:
        """The parameters of the running server; a role of one's own may be named in the settings."""
        try:
            server = ensure_running()
        except (ServerNotStarted, HomeRefused) as error:
            raise OperationalError(str(error)) from error
        self.settings_dict.update(HOST=server.host, PORT=server.port)
        if self.settings_dict["USER"] in ("", OWNER):
            self.settings_dict.update(USER=server.user, PASSWORD=server.password)
        # Whoever takes the socket's name in a pause of the server must not be handed a password.
        return {**super().get_connection_params(), "require_auth": "scram-sha-256"}

    def get_new_connection(self, conn_params: dict[str, Any]) -> object:
        """Connect, and once more after starting a server that died or creating an office's database."""
        try:
            return super().get_new_connection(conn_params)
        except self.Database.OperationalError:
            start()
            if conn_params["dbname"] in OFFICES:
                self.create_if_missing(conn_params)
        return super().get_new_connection(conn_params)

    def create_if_missing(self, conn_params: dict[str, Any]) -> None:
        """Create the empty database unless it is there."""
        # Not through Django's connection to no database in particular: that assumes the settings' role,
        # which a new cluster does not have yet.
        with creating(), closing(self.Database.connect(**{**conn_params, "dbname": "postgres"})) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [conn_params["dbname"]])
            if not cursor.fetchone():
                cursor.execute(f"CREATE DATABASE {self.ops.quote_name(conn_params['dbname'])}")
