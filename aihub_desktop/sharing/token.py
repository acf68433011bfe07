"""The token that lets others read: made at random, kept in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import disk_error
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.sharing import lab_token

_BYTES: Final = 32
_LARGEST_FILE: Final = 4096


class OpenToOthersError(Exception):
    """The file with the token can be read by other users of the machine."""


def fresh_token() -> Secret:
    return lab_token(secrets.token_urlsafe(_BYTES))


def read_token(path: Path) -> Secret | None:
    """None where there is no file. Raises `ValueError` for what is no token, `OpenToOthersError`, `ProblemError`."""
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            text = file.read(_LARGEST_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from error
    if sys.platform != "win32" and stat.S_IMODE(state.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise OpenToOthersError
    return lab_token(text.decode("utf-8"))


def keep_token(path: Path, token: Secret) -> None:
    """In place of what was there, for its owner alone. Raises `ProblemError`."""
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            new.unlink()
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(f"{token.reveal()}\n".encode())
        new.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error


def is_let_in(header: bytes, token: Secret) -> bool:
    """Whether the value of an Authorization header has the token. Takes as long for a near miss as for a far one."""
    scheme, _, given = header.strip().partition(b" ")
    right = hmac.compare_digest(given.strip(), token.reveal().encode())
    return right and scheme.lower() == b"bearer"
