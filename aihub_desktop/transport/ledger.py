"""What was proved, at the root of the target folder, for people and for other programs.

    FOLDER/.aihub/manifest-sha256.txt   "SHA256  PATH" lines, for `sha256sum -c` run in FOLDER
    FOLDER/.aihub/log.jsonl             one JSON object a file: source, key, size, how it was verified, when

The log is durable before the manifest, so every line of the manifest that this program wrote has its story. Torn
last lines are cut off. A manifest that was made by `sha256sum` itself is understood, with nothing known but hashes.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.disk.files import OpenFile, disk_error, in_the_way, native, plain_file, sync_folder
from aihub_desktop.disk.guard import Guard, folder_held
from aihub_desktop.disk.patience import contents, patiently_replace, remove
from aihub_desktop.disk.target import leads_elsewhere
from aihub_desktop.domain.leases import Proved, WorkFile
from aihub_desktop.domain.model import HUB, Algorithm, Origin, RemoteFile
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.transport.manifest import ManifestLine, in_nfc, manifest_line, parse_manifest

MANIFEST: Final = "manifest-sha256.txt"
LOG: Final = "log.jsonl"
_LOT: Final = 10_000  # lines of an exchange that are in memory at once
_COARSE: Final = 10_000_000
_COARSEST: Final = 2_000_000_000


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What tells a file that was written to, short of reading it. `modified`: nanoseconds since 1970, 0 for unknown."""

    size: int
    modified: int

    @classmethod
    def of(cls, state: os.stat_result) -> Stamp:
        return cls(state.st_size, state.st_mtime_ns)

    def fits(self, found: Stamp) -> bool:
        """Whether `found` on disk is the file that this was taken of. A copy may have lost the finer part of its time:
        FAT counts in steps of 2 s, others in 10 ms.
        """
        if self.size != found.size or not self.modified:
            return False
        is_coarse = found.modified % _COARSE == 0 and abs(found.modified - self.modified) < _COARSEST
        return self.modified == found.modified or is_coarse


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One proved file. Of a manifest line without its log line only `place` and `sha256` are known.

    `at` is ISO 8601 in UTC; `proof` a `Proof`, or "" where nothing is known. `modified`: the file's own time when it
    was proved, in nanoseconds since 1970, 0 in logs that are older than this field. `broken`:
    a file with this stamp was read since and holds other bytes, so it is no proof, and may be replaced. `gone`: it was
    deleted by us since, when all that was in it stood on disk. `etag`: of a place that serves ranges, as it listed it.
    """

    place: str
    sha256: str
    size: int | None = None
    source: str = ""
    dataset: str = ""
    package: bool = False
    key: str = ""
    path: str = ""
    proof: str = ""
    at: str = ""
    note: str = ""
    modified: int = 0
    broken: Stamp | None = None
    gone: bool = False
    etag: str = ""

    @classmethod
    def of(cls, work: WorkFile, proved: Proved, at: str = "") -> Entry:
        """The entry for a file that was proved just now, or `at` another time."""
        file = work.file
        return cls(
            work.place,
            proved.sha256,
            proved.size,
            file.source,
            file.dataset,
            file.package,
            file.key,
            file.path,
            proved.proof.value,
            at or moment(),
            f"{proved.note} {file.lab}".strip(),
            proved.modified,
            etag=file.origin.etag if file.origin is not None else "",
        )

    @property
    def stamp(self) -> Stamp:
        """Of the file as it was proved."""
        return Stamp(-1 if self.size is None else self.size, self.modified)

    def is_of(self, file: RemoteFile) -> bool:
        """The same file of the same release, as far as can be told without fetching it: file keys change when a
        dataset is released anew, and what a place lists with another size, strong ETag or SHA-256 has changed.
        """
        same = (self.source, self.dataset, self.package, self.key) == (
            file.source, file.dataset, file.package, file.key,
        )  # fmt: skip
        fits = self.size is None or file.size.allows(self.size)
        # What a machine of the lab has under a key says nothing of the hub.
        return same and fits and (file.source == HUB or file.origin is None or self._may_come_from(file.origin))

    def _may_come_from(self, origin: Origin) -> bool:
        told = {one.value for one in origin.checksums if one.algorithm is Algorithm.SHA256}
        strong = self.etag.startswith('"') and origin.etag.startswith('"')
        return not (told and self.sha256 not in told) and not (strong and self.etag != origin.etag)


def moment() -> str:
    """Now, as `Entry.at` has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_manifest(folder: Path) -> list[ManifestLine] | None:
    """The manifest's lines in order, None where there is no manifest. Raises `ProblemError`.

    Lines that are none of `sha256sum`'s are passed over, as `sha256sum -c` does; those of `--tag` are among them.
    """
    data = _read(own_folder(folder) / MANIFEST)
    return None if data is None else parse_manifest(data)


def own_folder(folder: Path) -> Path:
    """FOLDER/.aihub. Raises `ProblemError` IN_THE_WAY where that name is a link or a file."""
    own = native(folder) / OWN_FOLDER
    try:
        state = os.lstat(own)
    except FileNotFoundError:
        return own
    except OSError as error:
        raise disk_error(error, own) from error
    if leads_elsewhere(state) or not stat.S_ISDIR(state.st_mode):
        raise in_the_way(own, "not a folder")
    return own


class Ledger:
    """The ledger of one target folder. Writers wait for each other, where there are locks; what others wrote meanwhile
    is seen at the next call. For one thread.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = native(folder)
        self._entries: dict[str, Entry] = {}
        self._departed: dict[str, Entry] = {}
        self._seen: list[tuple[int, int, int] | None] | None = None
        self._manifest = bytearray()  # its whole lines, as the next append leaves them
        self._log_length = 0

    def entries(self) -> dict[str, Entry]:
        """By place, in NFC. Raises `ProblemError`: IN_THE_WAY, the disk's."""
        self._load()
        return dict(self._entries)

    def departed(self) -> dict[str, Entry]:
        """What `exchange` took away, by place in NFC: nobody needs it again. Raises as `entries`."""
        self._load()
        return dict(self._departed)

    def record(self, entries: Sequence[Entry]) -> None:
        """All of them are durable when this returns. A place that is there gets its new line. Raises `ProblemError`."""
        if not entries:
            return
        entries = [_in_nfc(entry) for entry in entries]
        own = own_folder(self._folder)
        try:
            self._make(own)
            with folder_held(own):
                self._load()
                self._enter(own, entries)
                self._update(own, {entry.place: entry.sha256 for entry in entries})
                self._seen = _states(own)
        except OSError as error:
            self._seen = None
            raise disk_error(error) from error
        self._entries |= {entry.place: entry for entry in entries}

    def forget(self, places: Iterable[str]) -> None:
        """No lines for these places any more, as if they had never come; durable when this returns. What the log tells
        of them is history. Raises `ProblemError`.
        """
        leaving = {in_nfc(place) for place in places}
        own = own_folder(self._folder)
        if not leaving or not own.is_dir():
            return
        try:
            with folder_held(own):
                self._load()
                if leaving & self._entries.keys():
                    # The other lines stay as they are, sign by sign: they may be other people's.
                    lines = bytes(self._manifest).split(b"\n")[:-1]
                    self._rewrite(own, b"".join(line + b"\n" for line in lines if _place(line) not in leaving))
        except OSError as error:
            raise disk_error(error) from error
        finally:
            self._seen = None

    def exchange(self, new: Callable[[], Iterator[Entry]], gone: Iterable[str]) -> None:
        """Lines for `new`, and none any more for the places `gone`, in one step; durable when this returns.

        `new` is asked for them when they are written; its entries are not kept in memory. It may read for minutes: what
        others record meanwhile stays. Raises `ProblemError`: IN_USE for a second exchange at the same time, the disk's.
        """
        self._load()
        own = own_folder(self._folder)
        leaving = {in_nfc(place) for place in gone}
        if not leaving & self._entries.keys() and next(new(), None) is None:
            return
        try:
            self._make(own)
            with folder_held(own):
                self._load()
                self._note_departure(own, leaving)
            self._write_anew(own, new(), leaving)
        except OSError as error:
            raise disk_error(error) from error
        finally:
            self._seen = None  # whatever happened, the next call looks at the disk

    def _note_departure(self, own: Path, leaving: set[str]) -> None:
        """Before the manifest loses their lines; while it has them, this counts for nothing."""
        known = [self._entries[place] for place in leaving if place in self._entries]
        self._enter(own, [msgspec.structs.replace(one, gone=True) for one in known])
        self._seen = _states(own)

    def _write_anew(self, own: Path, new: Iterator[Entry], leaving: set[str]) -> None:
        """Log first, as ever; the manifest's new lines wait in a file beside it for its old ones."""
        fresh = own / (MANIFEST + ".next")
        guard = _begun(fresh)
        file = OpenFile(fresh)
        try:
            length = 0
            while entries := [_in_nfc(entry) for entry in islice(new, _LOT)]:
                with folder_held(own):
                    self._load()
                    self._enter(own, entries)
                    self._seen = _states(own)
                leaving |= {entry.place for entry in entries if entry.place in self._entries}
                length = _written(file, length, (manifest_line(entry.place, entry.sha256) for entry in entries))
            with folder_held(own):
                self._load()
                # The other lines stay as they are, sign by sign: they may be other people's.
                old = (line + b"\n" for line in bytes(self._manifest).split(b"\n")[:-1] if _place(line) not in leaving)
                _written(file, length, old)
                file.sync()
                file.close()  # Windows renames nothing that is open
                patiently_replace(fresh, own / MANIFEST)
                sync_folder(own)
        finally:
            file.close()
            guard.release()

    def _enter(self, own: Path, entries: Iterable[Entry]) -> None:
        """In the log."""
        log = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
        self._append(own / LOG, self._log_length, log)
        self._log_length += len(log)

    def _make(self, own: Path) -> None:
        if not own.is_dir():
            own.mkdir()
            sync_folder(self._folder)

    def _append(self, path: Path, length: int, text: bytes) -> None:
        is_new = plain_file(path) is None
        if not text and not is_new:
            return
        file = OpenFile(path, create=True)
        try:
            if file.size() < length:  # the last line is whole but for its newline
                text = b"\n" + text
                length -= 1
            file.truncate(length)
            file.write_at(length, memoryview(text))
            file.sync()
        finally:
            file.close()
        if is_new:
            sync_folder(path.parent)

    def _update(self, own: Path, new: dict[str, str]) -> None:
        replaced = {place for place, sha256 in new.items() if place in self._entries}
        if all(self._entries[place].sha256 == new[place] for place in replaced):
            lines = [manifest_line(place, sha256) for place, sha256 in new.items() if place not in replaced]
            text = b"".join(lines)
            self._append(own / MANIFEST, len(self._manifest), text)
            self._manifest += text  # in place: with 300,000 lines a copy at each call would be what costs
            return
        # The other lines stay as they are, sign by sign: they may be other people's.
        kept = [line + b"\n" for line in bytes(self._manifest).split(b"\n")[:-1] if _place(line) not in new]
        text = b"".join(kept + [manifest_line(place, sha256) for place, sha256 in new.items()])
        self._rewrite(own, text)
        self._manifest = bytearray(text)

    def _rewrite(self, own: Path, text: bytes) -> None:
        new = own / (MANIFEST + ".new")
        remove(new)
        file = OpenFile(new, fresh=True)
        try:
            file.write_at(0, memoryview(text))
            file.sync()
        finally:
            file.close()
        patiently_replace(new, own / MANIFEST)
        sync_folder(own)

    def _load(self) -> None:
        own = own_folder(self._folder)
        seen = _states(own)
        if seen == self._seen:
            return
        manifest, log = _read(own / MANIFEST) or b"", _read(own / LOG) or b""
        self._log_length = log.rfind(b"\n") + 1
        stories = _stories(_whole(log))
        del log  # with 100,000 files these are what memory is taken for
        manifest = self._whole_lines(manifest, stories)
        self._manifest = bytearray(manifest)
        self._entries = {}
        for line in parse_manifest(manifest):
            place = in_nfc(line.path)
            entry = stories.get((place, line.sha256)) or Entry(place, line.sha256)
            self._entries[place] = msgspec.structs.replace(entry, gone=False) if entry.gone else entry
        told = stories.items()
        self._departed = {place: one for (place, _), one in told if one.gone and place not in self._entries}
        self._seen = seen

    def _whole_lines(self, data: bytes, stories: Iterable[tuple[str, str]]) -> bytes:
        """Without a torn last line. One without its newline is whole if the file that it names is there, and the
        log, which is written first, tells of no longer name for the same bytes.
        """
        length = data.rfind(b"\n") + 1
        for last in parse_manifest(data[length:]):
            place = in_nfc(last.path)
            torn = any(sha256 == last.sha256 and told != place and told.startswith(place) for told, sha256 in stories)
            if not torn and os.path.isfile(self._folder / last.path):
                return data + b"\n"
        return data[:length]


def _begun(path: Path) -> Guard:
    """A new file of ours in the place of one that was left there. Raises `OSError`, IN_USE where another is at it."""
    with contextlib.suppress(FileNotFoundError):
        Guard(path).release()
        remove(path)
    return Guard(path, fresh=True)


def _written(file: OpenFile, at: int, lines: Iterable[bytes]) -> int:
    """Where what was written ends."""
    text = b"".join(lines)
    file.write_at(at, memoryview(text))
    return at + len(text)


def _stories(lines: Iterable[bytes]) -> dict[tuple[str, str], Entry]:
    """The log by (place, SHA-256): the last line of each counts. Lines that cannot be read are passed over."""
    decoder = msgspec.json.Decoder(Entry)
    stories: dict[tuple[str, str], Entry] = {}
    for line in lines:
        try:
            entry = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # as in journals: not all are DecodeErrors
            continue
        stories[entry.place, entry.sha256] = entry
    return stories


def _whole(log: bytes) -> Iterator[bytes]:
    """Its lines one after the other, without a torn last one. Copies of all of them would take twice the room."""
    with io.BytesIO(log) as lines:
        yield from (line for line in lines if line.endswith(b"\n"))


def _place(line: bytes) -> str | None:
    parsed = parse_manifest(line)
    return in_nfc(parsed[0].path) if parsed else None


def _in_nfc(entry: Entry) -> Entry:
    place = in_nfc(entry.place)
    return entry if place == entry.place else msgspec.structs.replace(entry, place=place)


def _read(path: Path) -> bytes | None:
    if plain_file(path) is None:
        return None
    try:
        return contents(path)
    except OSError as error:
        raise disk_error(error, path) from error


def _states(own: Path) -> list[tuple[int, int, int] | None]:
    """What tells whether somebody else has written since."""
    states = [plain_file(own / name) for name in (MANIFEST, LOG)]
    return [(state.st_size, state.st_mtime_ns, state.st_ino) if state else None for state in states]
