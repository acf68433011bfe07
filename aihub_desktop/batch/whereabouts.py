"""Which machine and which drive holds what, as far as this machine was ever told: `aihub batch who` asks no network.

HOME/whereabouts/HASH.jsonl     one holder: a folder of a machine, or a bag on a drive; written anew as a whole
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch.documents import Paper, encoded, write_document
from aihub_desktop.batch.values import Held
from aihub_desktop.disk.files import disk_error, make_folders
from aihub_desktop.disk.patience import remove
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Count
from aihub_desktop.transport.ledger import Ledger, moment

FOLDER: Final = "whereabouts"
VERSION: Final = 1
_KIND: Final = "aihubwhereabouts"
_SHORTEST_HASH: Final = 8


class Kind(StrEnum):
    MACHINE = "machine"
    DRIVE = "drive"


class Holder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`id`: of the machine or of the drive. `at`: when this was told, ISO 8601 in UTC."""

    aihubwhereabouts: int
    kind: Kind
    id: str
    name: str
    folder: str
    at: str
    files: Count = 0

    @classmethod
    def of(cls, kind: Kind, identity: str, name: str, folder: str, at: str = "") -> Holder:
        """`at` "": now."""
        return cls(VERSION, kind, identity, name, folder, at or moment())

    @property
    def file_name(self) -> str:
        text = f"{self.kind}\n{self.id}\n{self.folder}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".jsonl"


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """`since`: when it was first told that this holder has it."""

    held: Held
    since: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A holder that has some of what was asked for."""

    holder: Holder
    found: list[Known]


@dataclass(frozen=True, slots=True)
class Question:
    """A dataset's number, a file key, a SHA-256 or the first signs of one, or a part of a name."""

    text: str

    def fits(self, held: Held) -> bool:
        if not self.text or self.text in (held.dataset, held.key):
            return True
        text = self.text.casefold()
        is_hash = len(text) >= _SHORTEST_HASH and not set(text) - set("0123456789abcdef")
        return (is_hash and held.sha256.startswith(text)) or text in held.place.casefold()


class Whereabouts:
    """Of one state folder. Methods raise `ProblemError`, the disk's."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def note(self, holder: Holder, held: Iterable[Held]) -> None:
        """All that the holder has; what was told of it before is forgotten, but not for what is older than that."""
        try:
            make_folders(self._folder)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        path = self._folder / holder.file_name
        before = self._head(path)
        if before is not None and holder.at < before.at <= moment():  # a clock that went wrong once silences nobody
            return
        since = {(one.held.place, one.held.sha256): one.since for one in self._known(path)}
        known = [Known(one, since.get((one.place, one.sha256), holder.at)) for one in held if not one.gone]
        write_document(path, encoded(msgspec.structs.replace(holder, files=len(known)), known))

    def forget(self, holder: Holder) -> None:
        try:
            remove(self._folder / holder.file_name)
        except OSError as error:
            raise disk_error(error, self._folder) from error

    def holders(self) -> Iterator[tuple[Holder, Iterator[Known]]]:
        """What cannot be read is passed over: it is told anew at the next occasion."""
        with contextlib.suppress(FileNotFoundError):
            for name in sorted(os.listdir(self._folder)):
                path = self._folder / name
                if (holder := self._head(path)) is not None:
                    yield holder, self._known(path)

    def _head(self, path: Path) -> Holder | None:
        with contextlib.suppress(ProblemError), Paper(path, _KIND, VERSION) as paper:
            return paper.head(Holder)
        return None

    def _known(self, path: Path) -> Iterator[Known]:
        with contextlib.suppress(ProblemError), Paper(path, _KIND, VERSION) as paper:
            yield from paper.lines(Known, paper.head(Holder).files)


def known_now(folder: str) -> list[Known]:
    """What the ledger of a folder of this machine tells just now; nothing where that is away. Raises `ProblemError`."""
    entries = Ledger(folder).entries() if os.path.isdir(folder) else {}
    return [Known(Held.of(entry), entry.at) for entry in entries.values()]


def answers(asked: Question, holders: Iterable[tuple[Holder, Iterable[Known]]]) -> Iterator[Answer]:
    """Those that have something of it."""
    for holder, known in holders:
        if found := [one for one in known if asked.fits(one.held)]:
            yield Answer(holder, found)
