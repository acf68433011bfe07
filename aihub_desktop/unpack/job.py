"""Archives onto disk, one after the other, as an `UnpackWish` has it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from aihub_desktop.archives.naming import is_encoding
from aihub_desktop.archives.opening import last_volume, looks_packed, open_archive
from aihub_desktop.disk.files import native
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.sets import volume_of
from aihub_desktop.domain.unpacking import Unpacked, UnpackNews, UnpackWish
from aihub_desktop.unpack.extraction import Extraction, Manner
from aihub_desktop.unpack.limits import DEEPEST, FLOOR
from aihub_desktop.unpack.record import Done, Leaving, Record, read_lines, record_path
from aihub_desktop.unpack.removal import drop, left_over, remove_archive
from aihub_desktop.unpack.site import Site

_MISSING: Final = frozenset({Code.TARGET_MISSING, Code.VOLUME_MISSING})
_log = logging.getLogger(__name__)


class Unpacking:
    """One wish. `tell` hears in the thread of `run`; the last news of each archive is its `Unpacked`."""

    def __init__(
        self, wish: UnpackWish, tell: Callable[[UnpackNews], None], *, threads: int = 2, floor: int = FLOOR
    ) -> None:
        """`floor`: bytes of the drive that stay free."""
        self._wish = wish
        self._folder = native(wish.folder)
        self._tell = tell
        self._threads = max(1, threads)
        self._floor = floor
        self._stop = threading.Event()

    def stop(self) -> None:
        """From any thread. What is whole then stands; the archive in hand ends with STOPPED, others are not begun."""
        self._stop.set()

    def run(self) -> None:
        """Never raises: what goes wrong is the `problem` of an `Unpacked`."""
        waiting = [(self._folder, place, 0) for place in reversed(self._wish.places)]
        while waiting:
            folder, place, depth = waiting.pop()
            done = self._one(folder, place, depth)
            self._tell(done)
            if self._wish.nested and depth < DEEPEST and done.problem is None:
                site = self._site(folder, place, depth)
                waiting += [(site.home, found, depth + 1) for found in reversed(_archives_in(site))]

    def _site(self, folder: Path, place: str, depth: int) -> Site:
        return Site.of(folder, last_volume(native(folder / place)), "" if depth else self._wish.into)

    def _one(self, folder: Path, place: str, depth: int) -> Unpacked:
        """Of a nested archive `place` is told as everything else, relative to the wish's folder where it is in it."""
        path = native(folder / place)
        shown = path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else str(path)
        nothing = Unpacked(shown, "", 0, 0, self._wish.encoding)
        try:
            if self._stop.is_set():
                raise ProblemError(Code.STOPPED)
            if self._wish.encoding and not is_encoding(self._wish.encoding):
                raise ProblemError(Code.BAD_COMMAND, why="encoding")
            return self._unpacked(folder, self._site(folder, place, depth), nothing)
        except ProblemError as error:
            return replace(nothing, problem=error.problem)
        except Exception as error:
            _log.exception("unpacking")
            return replace(nothing, problem=Problem(Code.BUG, {"why": type(error).__name__}))

    def _unpacked(self, folder: Path, site: Site, nothing: Unpacked) -> Unpacked:
        try:
            archive = open_archive(site.archive, self._wish.encoding, self._stop.is_set)
        except ProblemError as error:
            if error.problem.code in _MISSING and _went(site):
                return replace(nothing, into=site.seen_from(self._folder), archive_deleted=True)
            raise
        with archive:
            record = Record(site.home, site.shown, site.into)
            extraction = Extraction(site, archive, record, self._manner(nothing.place))
            problem = _problem_of(extraction)
        deleted = False
        try:
            # The archive is closed by now: Windows removes no file that is open.
            if problem is None and not self._wish.keep and extraction.is_complete:
                deleted = remove_archive(site, folder, archive.paths, record, self._stop.is_set)
        except ProblemError as error:
            problem = error.problem
        finally:
            record.close()
        tally = extraction.tally
        return Unpacked(
            nothing.place, site.seen_from(self._folder), tally.entries, tally.bytes, archive.encoding, tally.refused,
            tally.refused_count, deleted, problem,
        )  # fmt: skip

    def _manner(self, shown: str) -> Manner:
        return Manner(
            self._wish.patterns,
            self._wish.any_size,
            not self._wish.keep,
            self._threads,
            self._floor,
            self._stop.is_set,
            lambda progress: self._tell(replace(progress, place=shown)),
        )


def _problem_of(extraction: Extraction) -> Problem | None:
    try:
        extraction.run()
    except ProblemError as error:
        return error.problem
    except Exception as error:
        _log.exception("unpacking")
        return Problem(Code.BUG, {"why": type(error).__name__})
    return None


def _archives_in(site: Site) -> list[str]:
    """The archives among what was unpacked; of a set its last volume."""
    found: dict[str, None] = {}
    for line, _ in read_lines(record_path(site.home, site.shown, site.into)):
        if isinstance(line, Done):
            for one in line.files:
                volume = volume_of(one.place)
                if looks_packed(one.place) and not (volume and volume[1]):
                    found[one.place] = None
    return list(found)


def _went(site: Site) -> bool:
    """Whether the archive was removed after it had been unpacked; what an interrupted removal left goes now."""
    leaving = None
    for line, _ in read_lines(record_path(site.home, site.shown, site.into)):
        leaving = line if isinstance(line, Leaving) else None
    if leaving is None:
        return False
    drop(left_over(site, leaving))
    return True
