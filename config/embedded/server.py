"""What a process does that wants to use the embedded server."""

import os
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO

from config.embedded.home import CHECKOUT, OWNER, PORT, Place, this_place
from config.embedded.locks import PAUSE, exclusive, hold_shared, is_locked
from config.embedded.programs import CLEAN_ENVIRONMENT, program

READY = b"ready"
LOG_LIMIT = 5_000_000  # bytes

_held: dict[Path, int] = {}
_holding = threading.Lock()


class ServerNotStarted(Exception):
    """The embedded server could not be started; the log tells why."""


class Answer(IntEnum):
    """What pg_isready says."""

    READY = 0
    BUSY = 1  # starting, recovering or shutting down
    SILENT = 2
    NOT_ASKED = 3


@dataclass(frozen=True)
class Server:
    """How libpq reaches the server."""

    host: str
    port: str
    user: str
    password: str


def ensure_running() -> Server:
    """The running server, which now stays for the life of this process; raises ServerNotStarted or HomeRefused."""
    place = this_place()
    join_users(place)
    if not (place.cluster.is_dir() and is_locked(place.server_lock)):
        start(place)
    return Server(place.host, PORT, OWNER, place.password.read_text())


def join_users(place: Place) -> None:
    """Be counted among the users until this process ends; waits where the server is just being stopped."""
    with _holding:
        if place.users_lock not in _held:
            _held[place.users_lock] = hold_shared(place.users_lock)


def start(place: Place | None = None) -> None:
    """Start the server if it does not answer; one process does it, the others wait."""
    place = place or this_place()
    with exclusive(place.start_lock):
        while (answer := ask(place)) is Answer.BUSY:
            time.sleep(PAUSE)
        if answer is not Answer.READY:
            launch_keeper(place)


def creating() -> AbstractContextManager[None]:
    """Held by the one process that creates a missing database."""
    return exclusive(this_place().create_lock)


def ask(place: Place) -> Answer:
    """Whether the server takes connections, by its own word: a lock or a process number would not tell."""
    command = [str(program("pg_isready")), "--quiet", f"--host={place.host}", f"--port={PORT}", f"--username={OWNER}"]
    return Answer(subprocess.run(command, env=CLEAN_ENVIRONMENT, check=False).returncode)


def launch_keeper(place: Place) -> None:
    """Start the process that keeps the server and wait until it says that the server is ready."""
    ours, theirs = os.pipe()
    with open_log(place) as log, open(ours, "rb") as word:
        try:
            subprocess.run(
                [sys.executable, "-m", "config.embedded.keeper", str(theirs)],
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs,),
                start_new_session=True,
                check=True,
            )
        finally:
            os.close(theirs)
        if word.read() != READY:
            raise ServerNotStarted(f"数据库没有启动，原因见 {place.log}。")


def open_log(place: Place) -> BinaryIO:
    """The server's log, begun anew when it has grown long; the one before is kept."""
    if place.log.exists() and place.log.stat().st_size > LOG_LIMIT:
        place.log.replace(place.log.with_suffix(".log.1"))
    return open(os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
