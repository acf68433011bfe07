"""What one state folder has begun and done below one prefix: lines that are only added, HOME/push/NAME.jsonl.

It is what an interrupted upload goes on by, and how a later run knows its own from others'. Without it nothing wrong
becomes right: objects tell their size and hash themselves, parts are compared before they count.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import OpenFile, disk_error, make_folders, sync_folder
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.patience import patiently_replace, remove
from aihub_desktop.transport.ledger import moment

FOLDER: Final = "push"
_PLAIN: Final = re.compile(r"[^0-9A-Za-z.-]+")
_LOT: Final = 1 << 20


class Begun(msgspec.Struct, frozen=True, tag="begun", tag_field="line"):
    """An upload in parts of `part_bytes` each. `sha256` of the whole in hex, "" where it is not known beforehand."""

    key: str
    upload: str
    part_bytes: int
    sha256: str = ""
    at: str = ""


class PartSent(msgspec.Struct, frozen=True, tag="part", tag_field="line"):
    """The storage has these bytes under this number, and said so. `proof`: by which checksum, "" for none."""

    upload: str
    number: int
    size: int
    etag: str
    sha256: str
    proof: str = ""


class Over(msgspec.Struct, frozen=True, tag="over", tag_field="line"):
    """The upload is completed, aborted, or no more."""

    upload: str


class Doubted(msgspec.Struct, frozen=True, tag="doubted", tag_field="line"):
    """The storage may have other bytes under this key than it says."""

    key: str


class Kept(msgspec.Struct, frozen=True, tag="kept", tag_field="line"):
    """An object that was found right. `file`: which of a dataset it is, where it came straight from the hub."""

    key: str
    size: int
    etag: str
    sha256: str
    file: str = ""
    proof: str = ""
    note: str = ""
    stored: str = ""
    at: str = ""

    def with_etag(self, etag: str, stored: str) -> Kept:
        return msgspec.structs.replace(self, etag=etag, stored=stored)


class Ending(msgspec.Struct, frozen=True, tag="ending", tag_field="line"):
    """An object is about to become whole. `etag`: what it will have, "" where that is not known."""

    object: Kept
    etag: str

    def fits(self, file: str, size: int, etag: str) -> bool:
        """Whether what stands there is the end that nobody heard of."""
        return bool(self.etag) and (self.object.file, self.object.size, self.etag) == (file, size, etag)

    @property
    def kept(self) -> Kept:
        return self.object.with_etag(self.etag, "etag-parts" if "-" in self.etag else "md5")


Line = Begun | PartSent | Over | Doubted | Ending | Kept


class Record:
    """Held by one run at a time. Safe from any thread. Raises `ProblemError`: IN_USE, the disk's. `heard` is given each
    new line.
    """

    def __init__(
        self, home: Path, endpoint: str, bucket: str, prefix: str, heard: Callable[[Line], object] | None = None
    ) -> None:  # fmt: skip
        self.folder = home / FOLDER
        named = f"{endpoint}/{bucket}/{prefix}"
        short = _PLAIN.sub("-", f"{bucket}-{prefix}").strip("-")[:60]
        self._path = self.folder / f"{short}-{hashlib.sha256(named.encode()).hexdigest()[:12]}.jsonl"
        self._lock = threading.Lock()
        self._begun: dict[str, Begun] = {}  # by upload
        self._parts: dict[str, dict[int, PartSent]] = {}
        self._kept: dict[str, Kept] = {}
        self._doubted: set[str] = set()
        self._endings: dict[str, Ending] = {}
        self._guard: Guard | None = None
        self._heard = heard or (lambda line: None)
        try:
            self._open()
        except OSError as error:
            raise disk_error(error, self._path) from error

    def begun(self, key: str) -> Begun | None:
        """The upload of this object that was not completed; the latest."""
        with self._lock:
            return next((one for one in reversed(self._begun.values()) if one.key == key), None)

    def all_begun(self) -> list[Begun]:
        with self._lock:
            return list(self._begun.values())

    def parts(self, upload: str) -> dict[int, PartSent]:
        with self._lock:
            return dict(self._parts.get(upload, {}))

    def kept(self, key: str) -> Kept | None:
        with self._lock:
            return self._kept.get(key)

    def ending(self, key: str) -> Ending | None:
        with self._lock:
            return self._endings.get(key)

    def is_doubted(self, key: str) -> bool:
        with self._lock:
            return key in self._doubted

    def begin(self, key: str, upload: str, part_bytes: int, sha256: str) -> Begun:
        """Durable when this returns: what nobody knows of would cost money for ever."""
        line = Begun(key, upload, part_bytes, sha256, moment())
        self._add(line, durable=True)
        return line

    def lines_of(self, keys: Collection[str]) -> list[Line]:
        """What another has to know to go on with these objects."""
        with self._lock:
            ours = [one for one in self._begun.values() if one.key in keys]
            parts = [part for one in ours for part in self._parts.get(one.upload, {}).values()]
            doubted = [Doubted(key) for key in sorted(self._doubted.intersection(keys))]
            ended = [self._endings[key] for key in keys if key in self._endings]
            kept = [self._kept[key] for key in keys if key in self._kept]
            return [*ours, *parts, *doubted, *ended, *kept]

    def note(self, line: Line) -> None:
        """What another record was told."""
        self._add(line, durable=not isinstance(line, PartSent))

    def add(self, line: PartSent | Over | Doubted | Ending | Kept) -> None:
        self._add(line, durable=isinstance(line, Doubted | Ending))

    def spool(self, number: int) -> Path:
        """A name for bytes that nobody needs after this run; those that a run left behind went with the next."""
        return self._path.with_suffix(f".spool-{number}")

    def close(self) -> None:
        if self._guard is not None:
            self._file.close()
            self._guard.release()
            self._guard = None

    # ---- the file ----

    def _add(self, line: Line, *, durable: bool) -> None:
        text = msgspec.json.encode(line) + b"\n"
        with self._lock:
            self._enter(line)
            try:
                self._file.write_at(self._length, memoryview(text))
                self._length += len(text)
                if durable:
                    self._file.sync()
            except OSError as error:
                raise disk_error(error, self._path) from error
        self._heard(line)

    def _open(self) -> None:
        """What is over is left out of the new file, which takes the old one's place before it is written to."""
        make_folders(self.folder)
        if not self._path.exists():
            OpenFile(self._path, create=True).close()
        old = Guard(self._path)
        try:
            for left in self.folder.glob(f"{self._path.stem}.spool-*"):
                remove(left)
            self._read()
            fresh = self._path.with_suffix(".new")
            remove(fresh)
            file = OpenFile(fresh, fresh=True)
            text = b"".join(msgspec.json.encode(line) + b"\n" for line in self._lines())
            file.write_at(0, memoryview(text))
            file.sync()
            file.close()
            self._guard = Guard(fresh)
            patiently_replace(fresh, self._path)
            sync_folder(self.folder)
        finally:
            old.release()
        self._file, self._length = OpenFile(self._path), len(text)

    def _read(self) -> None:
        decoder = msgspec.json.Decoder(Line)
        for text in self._path.read_bytes().split(b"\n"):
            try:
                self._enter(decoder.decode(text))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue  # torn, or of a newer version

    def _lines(self) -> list[Line]:
        parts = [part for upload in self._begun for part in self._parts.get(upload, {}).values()]
        doubted = [Doubted(key) for key in sorted(self._doubted)]
        return [*self._begun.values(), *parts, *doubted, *self._endings.values(), *self._kept.values()]

    def _enter(self, line: Line) -> None:
        match line:
            case Begun():
                self._begun[line.upload] = line
            case PartSent():
                self._parts.setdefault(line.upload, {})[line.number] = line
            case Over():
                self._begun.pop(line.upload, None)
                self._parts.pop(line.upload, None)
            case Doubted():
                self._doubted.add(line.key)
                self._kept.pop(line.key, None)
            case Ending():
                self._endings[line.object.key] = line
            case Kept():
                self._doubted.discard(line.key)
                self._endings.pop(line.key, None)
                self._kept[line.key] = line
