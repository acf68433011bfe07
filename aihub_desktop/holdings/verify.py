"""Whether a folder still holds what its manifest says. Reads only; serves folders that other programs made too."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.names import JOURNAL, OWN_FOLDER, PART
from aihub_desktop.transport.disk import disk_error, native
from aihub_desktop.transport.ledger import Entry, Ledger, ManifestLine, read_manifest
from aihub_desktop.transport.target import leads_elsewhere

_BLOCK: Final = 1 << 20
_BATCH: Final = 1000
_buffers: Final = threading.local()


class Finding(StrEnum):
    """What became of one file."""

    OK = "ok"
    MISSING = "missing"
    CHANGED = "changed"
    UNREADABLE = "unreadable"
    UNSAFE = "unsafe"  # a path of the manifest that leads out of the folder, or through a link: never opened
    EXTRA = "extra"  # on disk, in no line
    UNFINISHED = "unfinished"  # a NAME.part or its journal
    SKIPPED = "skipped"  # `stopped` came first


class Seen(msgspec.Struct, frozen=True):
    """One file, as it is found out. `bytes` that were read for it.

    `proof` and `note`: how it was proved when it was received, as the log tells of an unchanged one; "" for unknown.
    """

    path: str
    finding: Finding
    bytes: int = 0
    proof: str = ""
    note: str = ""


@dataclass(slots=True)
class Report:
    """Paths below the folder, in the manifest's order; extra and unfinished ones sorted."""

    ok: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    bytes: int = 0

    @property
    def is_right(self) -> bool:
        """Every line of the manifest was found as it says. Extra and unfinished files do no harm."""
        return not (self.missing or self.changed or self.unreadable or self.unsafe or self.skipped)

    def add(self, seen: Seen) -> None:
        paths: list[str] = getattr(self, seen.finding.value)
        paths.append(seen.path)
        self.bytes += seen.bytes


def verify(
    folder: Path | str,
    *,
    threads: int = 2,
    report: Callable[[Seen], None] = lambda seen: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Reads every file of the manifest. `report` hears each finding in the calling thread; `stopped` is asked often.

    Raises `ProblemError`: TARGET_MISSING where folder or manifest are not there, IN_THE_WAY where `.aihub` is a
    link, else what the disk says of them. A single file that cannot be read is a finding.
    """
    root = native(folder)
    lines = read_manifest(root)
    if lines is None:
        raise ProblemError(Code.TARGET_MISSING, path=str(folder), why="no manifest")
    stories = _stories(root)
    result = Report()
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="verify") as pool:
        # A few at a time: a manifest may have a million lines.
        for start in range(0, len(lines), _BATCH):
            for seen in pool.map(lambda line: _seen(root, line, stopped), lines[start : start + _BATCH]):
                result.add(seen)
                report(_told(seen, stories))
    for seen in sorted(_others(root, lines), key=lambda seen: seen.path):
        result.add(seen)
        report(seen)
    return result


def _stories(root: Path) -> dict[str, Entry]:
    """How files were proved when they came: of interest, but no reason to leave them unread."""
    try:
        return Ledger(root).entries()
    except ProblemError:
        return {}


def _told(seen: Seen, stories: dict[str, Entry]) -> Seen:
    story = stories.get(unicodedata.normalize("NFC", seen.path.removeprefix("./")))
    if story is None or seen.finding is not Finding.OK:
        return seen
    return msgspec.structs.replace(seen, proof=story.proof, note=story.note)


def _seen(root: Path, line: ManifestLine, stopped: Callable[[], bool]) -> Seen:
    shown = _shown(line.path)
    if stopped():
        return Seen(shown, Finding.SKIPPED)
    try:
        path = _path(root, line.path)
        if path is None:
            return Seen(shown, Finding.UNSAFE)
        sha256, count = _sha256(path, stopped)
    except (FileNotFoundError, NotADirectoryError):
        return Seen(shown, Finding.MISSING)
    except OSError:
        return Seen(shown, Finding.UNREADABLE)
    if sha256 is None:
        return Seen(shown, Finding.SKIPPED, count)
    return Seen(shown, Finding.OK if sha256 == line.sha256 else Finding.CHANGED, count)


def _shown(path: str) -> str:
    """As text that can be said: names of other programs need not be UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()


def _path(root: Path, text: str) -> Path | None:
    """Where the file lies, spelled as the manifest has it; None for a path that must not be opened.

    Raises `OSError`.
    """
    path = root
    mode = stat.S_IFDIR
    for part in text.removeprefix("./").split("/"):
        # On Windows a part may hold a whole path of its own.
        if part in ("", ".", "..") or "\0" in part or Path(part).parts != (part,) or Path(part).anchor:
            return None
        path = path / part
        state = os.lstat(path)
        mode = state.st_mode
        if leads_elsewhere(state):
            return None
    return path if stat.S_ISREG(mode) else None


def _sha256(path: Path, stopped: Callable[[], bool]) -> tuple[str | None, int]:
    if not hasattr(_buffers, "view"):
        _buffers.view = memoryview(bytearray(_BLOCK))
    view: memoryview = _buffers.view
    digest, total = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(view):
            if stopped():
                return None, total
            digest.update(view[:count])
            total += count
    return digest.hexdigest(), total


def _others(root: Path, lines: list[ManifestLine]) -> Iterator[Seen]:
    """Files on disk that no line names."""
    named = {unicodedata.normalize("NFC", line.path.removeprefix("./")) for line in lines}
    try:
        for folder, folders, files in os.walk(root):
            if Path(folder) == root:
                folders[:] = [name for name in folders if name != OWN_FOLDER]
            for name in files:
                path = Path(folder, name).relative_to(root).as_posix()
                if unicodedata.normalize("NFC", path) not in named:
                    unfinished = name.endswith((PART, JOURNAL))
                    yield Seen(_shown(path), Finding.UNFINISHED if unfinished else Finding.EXTRA)
    except OSError as error:
        raise disk_error(error, root) from error
