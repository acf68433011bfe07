"""Which machine this is: a name for people, and a random id, for two may have one name."""

from __future__ import annotations

import platform
import re
import uuid
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch.documents import UNREADABLE, write_document
from aihub_desktop.disk.files import disk_error, make_folders

NAME: Final = "machine.json"
_LONGEST_NAME: Final = 100
# Such a name goes into file names, also where it came from another machine.
_ID: Final = re.compile(r"[0-9a-f]{32}")


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`id`: 32 signs of hex."""

    id: str
    name: str

    @property
    def is_right(self) -> bool:
        """Whether it may have been made by `this_machine`; what comes from outside may be anything."""
        return is_id(self.id) and len(self.name) <= _LONGEST_NAME and self.name.isprintable()


def new_id() -> str:
    return uuid.uuid4().hex


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def this_machine(home: Path) -> Machine:
    """Of the state folder; made at the first call. Raises `ProblemError`."""
    path = home / NAME
    try:
        machine = msgspec.json.decode(path.read_bytes(), type=Machine)
        if machine.is_right:
            return machine
    except (OSError, *UNREADABLE):
        pass
    name = "".join(sign for sign in platform.node() if sign.isprintable())[:_LONGEST_NAME]
    machine = Machine(new_id(), name or "?")
    try:
        make_folders(home)
    except OSError as error:
        raise disk_error(error, home) from error
    write_document(path, [msgspec.json.encode(machine) + b"\n"])
    return machine
