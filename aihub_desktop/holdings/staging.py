"""What several machines receive for one folder, before it is there under its final names.

    FOLDER/.aihub/dask/NAME/            a target folder of its own, of one request: files, parts, journals
    FOLDER/.aihub/dask/NAME/.aihub/     its ledger: what of it is proved

Whoever has the turn of FOLDER (`turn.Turn`) gives the files their final names and enters them in the ledger, and nobody
else does. So wherever any of them dies, what was proved stays known, and what was received stays claimed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import disk_error, in_the_way, make_folders, native, plain_file
from aihub_desktop.disk.guard import Guard
from aihub_desktop.disk.lease import Lease
from aihub_desktop.disk.patience import patiently_rename, remove
from aihub_desktop.disk.publish import finish, is_half_published, publish
from aihub_desktop.disk.target import Spot, Target, leads_elsewhere
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import JOURNAL, OWN_FOLDER, UnsafeNameError, clash_key, safe_path, taken_names
from aihub_desktop.holdings.baton import NAME, Run, read_run
from aihub_desktop.transport.ledger import Entry, Ledger, Stamp, own_folder
from aihub_desktop.transport.manifest import in_nfc
from aihub_desktop.transport.reconcile import forget_journal, may_replace

FOLDER: Final = "dask"
_UNSAFE: Final = re.compile(r"[^0-9A-Za-z가-힣._-]+")
# Longer than a worker takes to notice that nobody waits for it any more, and to make durable what it has.
_PATIENCE_SECONDS: Final = 90.0
_PAUSE: Final = 0.1
# A share may not show yet what another machine has made; that its folder is listed has most of them ask again.
_LATE_SECONDS: Final = 10.0


@dataclass(slots=True)
class Homecoming:
    """What has its final name now, and what could not get it, by place."""

    entries: list[Entry] = field(default_factory=list)
    problems: dict[str, Problem] = field(default_factory=dict)


def name_of(files: Sequence[RemoteFile]) -> str:
    """The folder for these files, whoever receives them: by the key of the first, and all of them."""
    keys = sorted("\0".join((one.source, one.dataset, str(one.package), one.key, one.path)) for one in files)
    digest = hashlib.sha256("\0".join(keys).encode()).hexdigest()[:16]
    shown = _UNSAFE.sub("_", files[0].key.rpartition("/")[2])[-40:].strip("._") or "file"
    return f"{shown}-{digest}"


def staging_folder(folder: Path | str) -> Path:
    """FOLDER/.aihub/dask. Raises `ProblemError` IN_THE_WAY where that is a link."""
    path = own_folder(native(folder)) / FOLDER
    with contextlib.suppress(FileNotFoundError):
        if leads_elsewhere(os.lstat(path)):
            raise ProblemError(Code.IN_THE_WAY, path=str(path), why="a link")
    return path


class Staging:
    """For whoever has the turn of `folder`. Methods raise `ProblemError`."""

    def __init__(self, folder: Path | str, patience: float = _PATIENCE_SECONDS) -> None:
        self._root = native(folder)
        self._patience = patience
        self._target = Target(self._root)
        self._ledger = Ledger(self._root)

    @property
    def names(self) -> list[str]:
        try:
            found = list(os.scandir(staging_folder(self._root)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise disk_error(error, self._root) from error
        return sorted(one.name for one in found if one.is_dir(follow_symlinks=False))

    def blocked(self, files: Iterable[RemoteFile]) -> dict[int, Problem]:
        """Which of them (by their places in the list) could not get their names: what is known before hours of
        receiving. One engine would know it of its own files; several machines know nothing of each other's.
        """
        found: dict[int, Problem] = {}
        entries, taken = self._ledger.entries(), dict[str, RemoteFile]()
        for number, file in enumerate(files):
            try:
                spot = self._target.spot(str(safe_path(file.path)))
                names = [clash_key(name) for name in taken_names(spot.place)]
                if (other := next((taken[name] for name in names if name in taken), None)) is not None:
                    raise ProblemError(Code.NAME_CLASH, name=file.path[:300], other=other.path[:300])
                taken |= dict.fromkeys(names, file)
                if self._target.check_parents(spot) and not may_replace(spot, entries.get(in_nfc(spot.place))):
                    raise in_the_way(spot.final, "exists")
            except UnsafeNameError as error:
                found[number] = Problem(Code.UNSAFE_NAME, {"name": error.name[:300], "why": error.why})
            except ProblemError as error:
                found[number] = error.problem
        return found

    def lend(self, name: str, files: Iterable[RemoteFile]) -> None:
        """What FOLDER has of these files already goes where they are received."""
        other = Target(staging_folder(self._root) / name)
        for file in files:
            with contextlib.suppress(UnsafeNameError):
                place = str(safe_path(file.path))
                self._move(self._target.spot(place), other.spot(place), other)

    def bring(self, name: str, entries: Iterable[Entry] | None = None) -> Homecoming:
        """What was proved there (as `entries` tell, or the ledger there) comes to its place; durable when this returns.
        With `entries` None whatever else was received comes too, and the folder goes.
        """
        home, source = Homecoming(), Target(staging_folder(self._root) / name)
        known = self._ledger.entries()
        proved = list(Ledger(source.folder).entries().values() if entries is None else entries)
        if entries is not None:
            self._wait_to_see(proved, source)
        for entry in proved:
            try:
                if self._is_placed(entry, source, known.get(in_nfc(entry.place))):
                    home.entries.append(entry)
            except ProblemError as error:
                if error.problem.code not in (Code.IN_THE_WAY, Code.UNSAFE_NAME):
                    raise
                home.problems[entry.place] = error.problem
        self._ledger.record([one for one in home.entries if known.get(in_nfc(one.place)) != one])
        for entry in home.entries:
            forget_journal(self._target, entry.place)
        if entries is None:
            self._bring_parts(source)
        self._bring_pieces(source)
        return home

    def bring_all(self, told: Callable[[], object] = lambda: None) -> Homecoming:
        """All that a run before left there, once nobody works on it any more; `told` is called once where that is
        waited for. What is still held after a while stays, for who holds it may be frozen: it comes home another time.
        """
        home, names = Homecoming(), self.names
        folder = staging_folder(self._root)
        try:
            run = read_run(folder)
            remove(folder / NAME)  # who works there still, stops
        except OSError as error:
            raise disk_error(error, folder) from error
        if not names:
            return home
        with self._held(names, run, told) as free:
            for name in free:
                one = self.bring(name)
                self.drop(name)
                home.entries += one.entries
                home.problems |= one.problems
        for name in free:  # Windows removes no file that is held: the lease itself
            self.drop(name)
        self.clear()
        return home

    def drop(self, name: str) -> None:
        """What was brought home leaves nothing of worth."""
        shutil.rmtree(staging_folder(self._root) / name, ignore_errors=True)

    def clear(self) -> None:
        """What a run leaves beside the folders goes; where nothing lies any more, nothing of ours is seen. A run that
        tells of itself there by now is another.
        """
        with contextlib.suppress(OSError):
            folder = staging_folder(self._root)
            for one in list(os.scandir(folder)):
                if one.name != NAME and not one.is_dir(follow_symlinks=False):
                    remove(one.path)
            folder.rmdir()

    # ---- one file ----

    def _wait_to_see(self, proved: Sequence[Entry], source: Target) -> None:
        """What a worker says that it has made a moment ago."""
        deadline = time.monotonic() + _LATE_SECONDS
        while any(self._is_unseen(entry, source) for entry in proved) and time.monotonic() < deadline:
            time.sleep(_PAUSE)

    def _is_unseen(self, entry: Entry, source: Target) -> bool:
        staged, final = source.spot(entry.place).final, self._target.spot(entry.place).final
        if plain_file(staged) is not None or plain_file(final) is not None:
            return False
        for folder in (source.folder.parent, source.folder, staged.parent):
            with contextlib.suppress(OSError):
                os.listdir(folder)
        return plain_file(staged) is None

    def _is_placed(self, entry: Entry, source: Target, known: Entry | None) -> bool:
        """Whether it stands under its final name, as it was proved."""
        spot, staged = self._target.spot(entry.place), source.spot(entry.place).final
        source.check_parents(source.spot(entry.place))
        moved = Spot(spot.place, spot.final, staged, spot.journal)
        state = plain_file(staged)
        if state is None:  # a run before this one ended between the name and the ledger
            there = plain_file(spot.final) if self._target.check_parents(spot) else None
            return there is not None and Stamp.of(there) == entry.stamp
        if is_half_published(moved):
            finish(moved)
            return True
        if Stamp.of(state) != entry.stamp:
            return False
        self._target.make_parents(spot)
        taken = plain_file(spot.final) is not None
        publish(moved, replace=taken and may_replace(spot, known))
        return True

    def _bring_parts(self, source: Target) -> None:
        for path in source.folder.rglob("*" + JOURNAL):
            place = path.relative_to(source.folder).as_posix().removesuffix(JOURNAL)
            if place.partition("/")[0] == OWN_FOLDER:
                continue
            with contextlib.suppress(ProblemError):  # it comes anew
                spot = source.spot(place)
                if plain_file(spot.part) is None and plain_file(spot.final) is not None:
                    patiently_rename(spot.final, spot.part)  # it got its name, and no line in the ledger
                self._move(spot, self._target.spot(place), self._target)

    def _move(self, old: Spot, new: Spot, target: Target) -> None:
        """NAME.part and its journal. Cut off between the two, the next move does the rest."""
        if plain_file(old.journal) is None and plain_file(old.part) is None:
            return
        try:
            guard = Guard(old.part) if plain_file(old.part) is not None else None
        except (ProblemError, OSError):
            return  # somebody writes to it
        try:
            make_folders(target.folder)
            target.make_parents(new)
            for one, other in ((old.journal, new.journal), (old.part, new.part)):
                if plain_file(one) is not None and plain_file(other) is None:
                    patiently_rename(one, other)
        except OSError as error:
            raise disk_error(error, new.part) from error
        finally:
            if guard is not None:
                guard.release()

    def _bring_pieces(self, source: Target) -> None:
        """Hashes of pieces that were kept for a repair; without them it takes longer, no more."""
        with contextlib.suppress(OSError, ProblemError):
            kept, own = own_folder(source.folder) / "pieces", own_folder(self._root) / "pieces"
            if kept.is_dir() and not own.is_symlink():
                own.mkdir(exist_ok=True)
                for path in list(kept.iterdir()):
                    os.replace(path, own / path.name)

    @contextlib.contextmanager
    def _held(self, names: Sequence[str], run: Run | None, told: Callable[[], object]) -> Iterator[list[str]]:
        """Those of `names` that nobody else has."""
        folder = staging_folder(self._root)
        with contextlib.ExitStack() as stack:
            leases: dict[str, Lease] = {}
            for name in names:
                own = folder / name / OWN_FOLDER
                try:
                    make_folders(own)
                except OSError as error:
                    raise disk_error(error, folder) from error
                leases[name] = Lease(own, locks_reach=run is None or run.locks_reach)
                stack.callback(leases[name].release)
            taken = _wait_for(leases, self._patience, told)
            yield [name for name in names if name not in taken]


def _wait_for(leases: Mapping[str, Lease], patience: float, told: Callable[[], object]) -> set[str]:
    """Which could not be had."""
    deadline, is_told, waiting = time.monotonic() + patience, False, dict(leases)
    while waiting := {name: lease for name, lease in waiting.items() if not lease.take()}:
        if time.monotonic() > deadline:
            break
        if not is_told:
            told()
            is_told = True
        time.sleep(_PAUSE)
    return set(waiting)
