"""The secret key of this installation, made at first use and kept in a file only its owner may read."""

import os
import secrets
from pathlib import Path


def installation_key(path: Path) -> str:
    """The key kept at `path`; two processes starting at once agree on one."""
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    mine.touch(mode=0o600)
    mine.write_text(secrets.token_urlsafe(50))
    try:
        os.link(mine, path)
    except FileExistsError:
        pass
    finally:
        mine.unlink()
    return path.read_text()
