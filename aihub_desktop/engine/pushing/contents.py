"""What lies below the prefix, told beside it, after everything that it tells of:

    PREFIX/manifest-sha256.txt   "SHA256  PATH" lines, for `sha256sum -c` and `aihub fetch --sums`
    PREFIX/aihub-log.jsonl       one JSON object a file: which file of which dataset, how it was proved, how stored

Lines of earlier runs stay as long as their objects do. A file that is to get other content loses its line before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.engine.pushing.record import Record
from aihub_desktop.sources.s3.uploads import OWN_SHA256, Stored
from aihub_desktop.transport.manifest import manifest_line, parse_manifest

MANIFEST: Final = "manifest-sha256.txt"
LOG: Final = "aihub-log.jsonl"
OWN_NAMES: Final = frozenset({MANIFEST, LOG})
_LONGEST: Final = 512 << 20  # two million files
_KINDS: Final = {MANIFEST: "text/plain; charset=utf-8", LOG: "application/x-ndjson"}


class Story(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object. `proof` and `note`: how its content was proved when it came from its source, as in a ledger.

    `stored`: by what the storage is known to have it: "sha-256", "md5", "etag-parts", or "length" alone.
    """

    path: str
    sha256: str
    size: int = 0
    etag: str = ""
    source: str = ""
    dataset: str = ""
    file_key: str = ""
    proof: str = ""
    note: str = ""
    stored: str = ""
    at: str = ""

    def fits(self, stored: Stored) -> bool:
        """Whether it may be told of this object."""
        known = self.size or stored.size, self.etag or stored.etag, stored.sha256 or self.sha256
        return known == (stored.size, stored.etag, self.sha256)


class Contents:
    """`load` first. `tell` and `compare` may be called by several threads. Raises `ProblemError`."""

    def __init__(self, depot: Depot, record: Record) -> None:
        self._depot = depot
        self._record = record
        self._stories: dict[str, Story] = {}  # of the manifest that is there
        self._new: dict[str, Story] = {}
        self._refuted: set[str] = set()  # of which the manifest tells what is not so
        self._lock = threading.Lock()

    def load(self) -> None:
        """What an earlier run told, if one did."""
        self._stories = self._told(self._content(MANIFEST))

    def story(self, path: str) -> Story | None:
        return self._new.get(path) or self._stories.get(path)

    @property
    def told(self) -> list[Story]:
        """Of this run."""
        with self._lock:
            return list(self._new.values())

    def tell(self, story: Story) -> None:
        """An object that is there, with this content."""
        with self._lock:
            self._new[story.path] = story

    def compare(self, path: str, stored: Stored) -> None:
        """What lies there now, and is not what it is to be: what is told of it counts no more, unless it is that."""
        story = self._stories.get(path)
        if story is not None and not story.fits(stored):
            with self._lock:
                self._refuted.add(path)

    def withdraw(self, paths: Collection[str]) -> None:
        """These are about to have another content than the manifest tells: it is put without them first."""
        lying = self._stories.keys() & set(paths)
        if lying:
            self._stories = {path: one for path, one in self._stories.items() if path not in lying}
            self._put(MANIFEST, _manifest(self._stories.values()))

    def publish(self) -> int:
        """The log, then the manifest; how many files they tell of. What another run told meanwhile stays."""
        published = self._content(MANIFEST)
        before = self._told(published)
        stories = self._lasting(before) | self._new
        if not stories and published is None:
            return 0
        told = sorted(stories.values(), key=lambda story: story.path)
        manifest = _manifest(told)
        if manifest != published or any(before.get(path) != story for path, story in self._new.items()):
            self._put(LOG, b"".join(msgspec.json.encode(story) + b"\n" for story in told))
            self._put(MANIFEST, manifest)
        return len(told)

    def _told(self, manifest: bytes | None) -> dict[str, Story]:
        """By path. No object has a name that is no text."""
        if manifest is None:
            return {}
        log = {story.path: story for story in _stories(self._content(LOG) or b"")}
        found = {}
        for line in parse_manifest(manifest):
            if is_text(line.path):
                story = log.get(line.path)
                is_it = story is not None and story.sha256 == line.sha256
                found[line.path] = story if is_it and story is not None else Story(line.path, line.sha256)
        return found

    def _lasting(self, before: Mapping[str, Story]) -> dict[str, Story]:
        """Those of others whose objects are there, and no others, as far as a list shows."""
        others = {path: one for path, one in before.items() if path not in self._new and path not in self._refuted}
        listed = self._depot.listed() if others else None
        return {path: one for path, one in others.items() if self._lasts(one, listed)}

    def _lasts(self, story: Story, listed: Mapping[str, int] | None) -> bool:
        key = self._depot.prefix + story.path
        if self._record.is_doubted(key):
            return False
        if listed is not None:
            return key in listed and story.size in (0, listed[key])
        stored = self._depot.persistently(lambda uploads: uploads.stored(key))
        return stored is not None and story.fits(stored)

    def _content(self, name: str) -> bytes | None:
        key = self._depot.prefix + name
        return self._depot.persistently(lambda uploads: uploads.content(key, _LONGEST))

    def _put(self, name: str, body: bytes) -> None:
        key, sha256 = self._depot.prefix + name, hashlib.sha256(body).hexdigest()
        headers = {"content-type": _KINDS[name], OWN_SHA256: sha256}
        self._depot.persistently(lambda uploads: uploads.put(key, memoryview(body), sha256, headers))


def check_name(path: str) -> None:
    """Raises NAME_CLASH for a file that has the name of one of these lists, UNSAFE_NAME for what is no text."""
    if not is_text(path):
        raise ProblemError(Code.UNSAFE_NAME, name=path[:300], why="no text")
    if path in OWN_NAMES:
        raise ProblemError(Code.NAME_CLASH, name=path)


def is_text(path: str) -> bool:
    """Whether an object can have this name: a list by `sha256sum` may tell of files whose names are no UTF-8."""
    return not any("\ud800" <= sign <= "\udfff" for sign in path)


def _manifest(stories: Iterable[Story]) -> bytes:
    return b"".join(manifest_line(story.path, story.sha256) for story in sorted(stories, key=lambda one: one.path))


def _stories(data: bytes) -> list[Story]:
    decoder = msgspec.json.Decoder(Story)
    found = []
    for line in data.split(b"\n"):
        try:
            found.append(decoder.decode(line))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
    return found
