"""Making a cluster and serving it with PostgreSQL's own programs."""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.home import OWNER, PORT, Place, sync_folder, write_durably
from config.embedded.programs import CLEAN_ENVIRONMENT

SUPERUSER = "canbao_admin"  # has no password and so cannot log in; only `postgres --single` works as it
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)

LOGINS = "local all all scram-sha-256\n"
INITDB = (
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
)

# Given on the command line, so that a file in the data cannot say otherwise.
SERVER_SETTINGS = {
    "listen_addresses": "",
    "port": PORT,
    "timezone": "Asia/Shanghai",
    "log_timezone": "Asia/Shanghai",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "1GB",
    "jit": "off",
    # PostgreSQL's errors and statements hold people's numbers. "log" stands above "error" here:
    # starts, stops and failed logins are logged, what a statement complained about is not.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs, run as the server's user, holding its lock and ended with this process."""

    folder: Path
    user: str | None
    server_lock: int

    def run(self, name: str, *arguments: str, said: str = "") -> None:
        """Run one to its end; it hears what is said and complains into this process's log."""
        subprocess.run(
            [self.folder / name, *arguments],
            input=said,
            text=True,
            stdout=subprocess.DEVNULL,
            check=True,
            **self.options(signal.SIGKILL),
        )

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one and leave it running."""
        return subprocess.Popen(
            [self.folder / name, *arguments], stdin=subprocess.DEVNULL, **self.options(signal.SIGQUIT)
        )

    def options(self, farewell: signal.Signals) -> dict[str, Any]:
        """How each is run."""
        identity = {"user": self.user, "group": group_of(self.user), "extra_groups": []} if self.user else {}
        return {
            "env": CLEAN_ENVIRONMENT,
            "cwd": "/",
            "umask": 0o077,
            "pass_fds": (self.server_lock,),
            "preexec_fn": end_with(os.getpid(), farewell),
            **identity,
        }


def make_cluster(place: Place, programs: Programs) -> None:
    """Make the cluster beside its place and move it in when it is whole, so that half a cluster is never found."""
    for remnant in place.folder.glob("cluster-new-*"):
        shutil.rmtree(remnant)
    fresh = Path(tempfile.mkdtemp(prefix="cluster-new-", dir=place.folder))
    data, password = fresh / place.data.name, secrets.token_urlsafe(24)
    prepare_folder(data, programs.user)
    programs.run("initdb", f"--pgdata={data}", f"--username={SUPERUSER}", *INITDB)
    (data / "pg_hba.conf").write_text(LOGINS)
    make_owner(data, programs, password)
    write_durably(fresh / place.password.name, password)
    fresh.rename(place.cluster)
    sync_folder(place.folder)


def prepare_folder(data: Path, user: str | None) -> None:
    """Make the empty data folder for the server's user alone."""
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user, group_of(user))
        data.parent.chmod(0o755)


def make_owner(data: Path, programs: Programs, password: str) -> None:
    """Create the role that owns the databases, before the server is open to anybody."""
    create = f"CREATE ROLE {OWNER} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'\n"
    programs.run("postgres", "--single", "-D", str(data), "-c", "log_min_messages=fatal", "postgres", said=create)


def group_of(user: str) -> int:
    """The user's own group."""
    return pwd.getpwnam(user).pw_gid


def start_server(place: Place, programs: Programs) -> subprocess.Popen[bytes]:
    """Start PostgreSQL on the cluster; the caller holds the server's lock, so no other server is alive."""
    # Left by a server that was killed: its number may by now be somebody else's.
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    settings = {**SERVER_SETTINGS, "unix_socket_directories": place.host}
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    return programs.start("postgres", "-D", str(place.data), *flags)


def end_with(parent: int, farewell: signal.Signals) -> Callable[[], None]:
    """What a child does before its program begins, so that it gets the signal when this process ends."""

    def ask_for_the_signal() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(farewell), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_for_the_signal
