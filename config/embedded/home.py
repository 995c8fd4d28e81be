"""Where this checkout's database lies, so that no two checkouts ever share one."""

import json
import os
import pwd
import secrets
from dataclasses import dataclass
from pathlib import Path

from config.embedded.locks import exclusive

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT_PLACES = Path("/var/lib/canbao")
UNPRIVILEGED = "nobody"

OFFICE_NAME = "canbao"
OWNER = "canbao"
PORT = "5432"


class HomeRefused(Exception):
    """The folder of the database belongs to another user."""


@dataclass(frozen=True)
class Place:
    """The folder that holds one server: its data, password, locks and log."""

    id: str
    folder: Path
    user: str | None  # who PostgreSQL runs as, None for whoever runs this

    @property
    def cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def data(self) -> Path:
        return self.cluster / "data"

    @property
    def password(self) -> Path:
        return self.cluster / "password"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    @property
    def users_lock(self) -> Path:
        return self.folder / "users.lock"

    @property
    def start_lock(self) -> Path:
        return self.folder / "start.lock"

    @property
    def server_lock(self) -> Path:
        return self.folder / "server.lock"

    @property
    def create_lock(self) -> Path:
        return self.folder / "create.lock"

    @property
    def host(self) -> str:
        """The server's abstract socket, which no folder's permissions and no length of path can spoil."""
        return f"@canbao-{self.id}"


def this_place() -> Place:
    """The place of this checkout, or of the folder that CANBAO_HOME names; made when missing."""
    home = Path(os.environ.get("CANBAO_HOME") or CHECKOUT / ".local").absolute() / "pg"
    own_folder(home)
    identity = identity_of(home)
    if os.geteuid() != 0:
        return Place(identity, home, None)
    # PostgreSQL refuses to run as root, and the user it runs as instead may not be able to reach the checkout.
    place = Place(identity, ROOT_PLACES / identity, UNPRIVILEGED)
    for folder in (ROOT_PLACES, place.folder):
        reachable_folder(folder)
    return place


def own_folder(folder: Path) -> None:
    """Make the folder for this user's eyes only, and refuse one that another user made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
    except PermissionError as error:
        raise HomeRefused(f"不能使用数据目录 {folder}：没有权限，请用建立它的用户运行。") from error
    if owner != os.geteuid():
        raise HomeRefused(f"数据目录 {folder} 属于用户 {user_name(owner)}，请用该用户运行。")


def reachable_folder(folder: Path) -> None:
    """Make a folder that others may pass through, whatever the umask."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)


def user_name(uid: int) -> str:
    """The name of the user, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def identity_of(home: Path) -> str:
    """The random name of this home's server, kept in the home and drawn anew in a copy of it."""
    card, here = home / "identity.json", card_of(home)
    with exclusive(home / "identity.lock"):
        known = read_card(card)
        identity = str(known["id"]) if known and is_own(known, here) else secrets.token_hex(8)
        if known != {"id": identity, **here}:
            write_durably(card, json.dumps({"id": identity, **here}))
    return identity


def card_of(home: Path) -> dict[str, str | int]:
    """What tells one folder from its copy."""
    status = home.stat()
    return {"folder": str(home.resolve()), "device": status.st_dev, "inode": status.st_ino}


def read_card(card: Path) -> dict[str, str | int] | None:
    """What was written down about a home, None where nothing was."""
    try:
        return dict(json.loads(card.read_text()))
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_own(known: dict[str, str | int], here: dict[str, str | int]) -> bool:
    """Whether the card was written for this folder, not for the one that it was copied from."""
    if known["inode"] == here["inode"] and known["device"] == here["device"]:
        return True
    # Device numbers change with a restart and inodes with a restored backup: the same path is the same office.
    # Moved to another disk, the folder it came from is gone; in a copy, it still answers to the name.
    if known["folder"] == here["folder"]:
        return True
    try:
        original = read_card(Path(str(known["folder"])) / "identity.json")
    except PermissionError:
        return False
    return original is None or original["id"] != known["id"]


def write_durably(path: Path, text: str) -> None:
    """Replace the file's content as a whole, readable by its owner only."""
    fresh = path.with_name(f"{path.name}.new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the folder's list of names to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
