"""The process that keeps the server: it starts PostgreSQL as its child and stops it when nobody uses it any more."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from config.embedded.cluster import Programs, make_cluster, start_server
from config.embedded.home import Place, this_place
from config.embedded.locks import PAUSE, every_pause, open_lock, try_lock, unlock
from config.embedded.programs import server_programs
from config.embedded.server import READY, Answer, ask

PATIENCE = 120  # seconds for an older server to end
LINGER = 2  # seconds without a user, so that one command after another finds the server still there
LOOK = 0.25  # seconds between two looks at the users
SILENCE = 5  # seconds after which a server that does not say a word is no server any more


def main() -> None:
    """Keep the server of this checkout; the number of a pipe to say "ready" into is handed in."""
    pipe = int(sys.argv[1])
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    keep(this_place(), pipe)


def leave(_number: int, _frame: FrameType | None) -> None:
    """Answer a polite request to end by stopping the server first."""
    raise SystemExit


def keep(place: Place, pipe: int) -> None:
    """Serve the place from a cluster made when missing, unless another keeper already does."""
    server_lock = open_lock(place.server_lock)
    if not take_over(place, server_lock):
        say_ready(pipe)
        return
    programs = Programs(server_programs(place), place.user, server_lock)
    if not place.cluster.is_dir():
        make_cluster(place, programs)
    server = start_server(place, programs)
    try:
        # From here on the lock tells of PostgreSQL's processes alone.
        os.close(server_lock)
        wait_until_ready(place, server)
        say_ready(pipe)
        wait_while_used(place, server)
    finally:
        stop(server)


def take_over(place: Place, server_lock: int) -> bool:
    """Take the server's lock once no older server is alive; False where one lives and answers."""
    heard = time.monotonic()
    for _ in every_pause(PATIENCE):
        if try_lock(server_lock):
            return True
        answer = ask(place)
        if answer is Answer.READY:
            return False
        if answer is Answer.BUSY:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE:
            end_orphans(place)
    raise TimeoutError("an older server neither ends nor answers")


def end_orphans(place: Place) -> None:
    """End the processes that work in the data though their postmaster was killed: a long statement does not notice."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "exe").readlink().name.startswith("postgres") and (process / "cwd").samefile(place.data):
                os.kill(int(process.name), signal.SIGKILL)


def wait_until_ready(place: Place, server: subprocess.Popen[bytes]) -> None:
    """Return when the server answers, however long it recovers from a crash; end where it has ended."""
    while ask(place) is not Answer.READY:
        if server.poll() is not None:
            raise SystemExit("PostgreSQL did not start")
        time.sleep(PAUSE)


def say_ready(pipe: int) -> None:
    """Tell whoever asked for the server, unless they are gone."""
    try:
        os.write(pipe, READY)
    except BrokenPipeError:
        return
    finally:
        os.close(pipe)


def wait_while_used(place: Place, server: subprocess.Popen[bytes]) -> None:
    """Return when the server has ended, or nobody used it for a while; newcomers then wait for this process to end."""
    users = open_lock(place.users_lock)
    last_used = time.monotonic()
    while server.poll() is None:
        if not try_lock(users):
            last_used = time.monotonic()
        elif time.monotonic() - last_used > LINGER:
            return
        else:
            unlock(users)
        time.sleep(LOOK)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Shut the server down, at once where it does not come to an end."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(timeout=PATIENCE / 2)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait()


if __name__ == "__main__":
    main()
