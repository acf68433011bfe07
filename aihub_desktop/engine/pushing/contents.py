"""What lies below the prefix, told beside it, after everything that it tells of:

    PREFIX/manifest-sha256.txt   "SHA256  PATH" lines, for `sha256sum -c` and `aihub fetch --sums`
    PREFIX/aihub-log.jsonl       one JSON object a file: which file of which dataset, how it was proved, how stored

Lines of earlier runs stay as long as their objects do. A file that is to get other content loses its line before.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Iterable
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.engine.pushing.depot import Depot
from aihub_desktop.sources.s3.uploads import OWN_SHA256
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


class Contents:
    """`load` first. `tell` may be called by several threads. Raises `ProblemError`."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._stories: dict[str, Story] = {}  # of the manifest that is there
        self._new: dict[str, Story] = {}
        self._lock = threading.Lock()
        self._published: bytes | None = None

    def load(self) -> None:
        """What an earlier run told, if one did."""
        self._published = self._content(MANIFEST)
        told = {story.path: story for story in _stories(self._content(LOG) or b"")}
        for line in parse_manifest(self._published or b""):
            story = told.get(line.path)
            is_it = story is not None and story.sha256 == line.sha256
            self._stories[line.path] = story if is_it and story is not None else Story(line.path, line.sha256)

    def story(self, path: str) -> Story | None:
        return self._new.get(path) or self._stories.get(path)

    def tell(self, story: Story) -> None:
        """An object that is there, with this content."""
        with self._lock:
            self._new[story.path] = story

    def withdraw(self, paths: Collection[str]) -> None:
        """These are about to have another content than the manifest tells: it is put without them first."""
        lying = self._stories.keys() & set(paths)
        if lying:
            self._stories = {path: one for path, one in self._stories.items() if path not in lying}
            self._put(MANIFEST, _manifest(self._stories.values()))

    def publish(self, is_there: Callable[[Collection[str]], Collection[str]]) -> int:
        """The log, then the manifest; how many files they tell of. `is_there`: which paths of others have an object."""
        others = self._stories.keys() - self._new.keys()
        kept = set(is_there(others)) if others else set()
        stories = {path: one for path, one in self._stories.items() if path in kept} | self._new
        if not stories and self._published is None:
            return 0
        told = sorted(stories.values(), key=lambda story: story.path)
        manifest = _manifest(told)
        if manifest != self._published or self._new != {path: self._stories.get(path) for path in self._new}:
            self._put(LOG, b"".join(msgspec.json.encode(story) + b"\n" for story in told))
            self._put(MANIFEST, manifest)
        return len(told)

    def _content(self, name: str) -> bytes | None:
        key = self._depot.prefix + name
        return self._depot.persistently(lambda uploads: uploads.content(key, _LONGEST))

    def _put(self, name: str, body: bytes) -> None:
        if name == MANIFEST:
            self._published = body
        key, sha256 = self._depot.prefix + name, hashlib.sha256(body).hexdigest()
        headers = {"content-type": _KINDS[name], OWN_SHA256: sha256}
        self._depot.persistently(lambda uploads: uploads.put(key, memoryview(body), sha256, headers))


def check_name(path: str) -> None:
    """Raises NAME_CLASH for a file that has the name of one of these lists."""
    if path in OWN_NAMES:
        raise ProblemError(Code.NAME_CLASH, name=path)


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
