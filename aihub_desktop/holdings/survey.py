"""What of a dataset lies in a folder, whoever put it there: read from names, sizes, tar headers and zip directories.

    FOLDER/TREE/TL1.zip                    finished, by whatever tool        proved where it lies
    FOLDER/anything/TL1 (1).zip            the same, elsewhere               copied to its place, or moved
    FOLDER/TREE/TL1.zip.part0 …            pieces of the official script     joined into a new file
    FOLDER/download.tar, *.crdownload      the tar as it came, or its start  each whole file in it
    FOLDER/TREE/TL1.zip.part, .journal     this program's own                proved, if every byte is there

Nothing is changed and no link is followed. What is found is not proved yet: see `adopt`.
"""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from aihub_desktop.archives.volumes import Extent, Volumes
from aihub_desktop.disk.files import native, plain_file
from aihub_desktop.disk.target import Target, leads_elsewhere
from aihub_desktop.domain.adoption import Origin, State
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import JOURNAL, OWN_FOLDER, PART, UnsafeNameError, safe_path
from aihub_desktop.holdings import misjoin_set, misjoin_tar
from aihub_desktop.holdings.finds import Find, Survey
from aihub_desktop.holdings.leftovers import Names, Scrap, join
from aihub_desktop.holdings.misjoin import right_orders
from aihub_desktop.holdings.tarmap import TarMap, read_tar
from aihub_desktop.holdings.zipseams import Fit, fit
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.reconcile import Standing, StandingKind, look

# How browsers call what they have not finished, and what they, curl and wget call what they have.
_TARS: Final = (".tar", ".crdownload", ".part", ".partial", ".download", ".opdownload", ".tmp", ".unfinished")


def survey(
    folder: Path | str,
    files: Sequence[RemoteFile],
    target: Path | str = "",
    *,
    stopped: Callable[[], bool] = lambda: False,
    progress: Callable[[], None] = lambda: None,
) -> Survey:
    """`files`: of one dataset's tree. `target`: where they are to be, the folder itself if not named. `progress`
    hears of each file that was looked at.

    Raises `ProblemError`: TARGET_MISSING and the disk's codes for the folder as a whole. What cannot be read within it
    is a find of its own.
    """
    home = native(folder)
    Target(home).find()
    goal = native(target) if target else home
    found = Survey(home, goal, _works(files))
    _Look(found, stopped, progress).run()
    return found


def _works(files: Sequence[RemoteFile]) -> list[WorkFile]:
    works: list[WorkFile] = []
    for number, file in enumerate(files, 1):
        try:
            works.append(WorkFile(number, file, str(safe_path(file.path))))
        except UnsafeNameError:
            continue
    return works


class _Look:
    def __init__(self, found: Survey, stopped: Callable[[], bool], progress: Callable[[], None]) -> None:
        self._found = found
        self._stopped = stopped
        self._progress = progress
        self._names = Names(found.works)
        self._scraps: dict[int, list[Scrap]] = defaultdict(list)
        self._unclear: dict[str, list[Scrap]] = defaultdict(list)  # pieces that several files could have
        self._done: set[int] = set()
        self._seen: set[Path] = set()

    def run(self) -> None:
        self._look_at_own()
        for path, shown, state in self._walk(self._found.folder):
            if self._stopped():
                return
            self._see(path, shown, state)
            self._progress()
        self._tell_pieces()
        misjoin_set.put_right(self._found, self._stopped)

    def _look_at_own(self) -> None:
        """What this program's ledger and journals in the target say."""
        target = Target(self._found.target)
        if not target.folder.is_dir():
            return
        entries = Ledger(target.folder).entries()
        standings = look(target.folder, self._found.works)
        for work in self._found.works:
            entry = entries.get(_nfc(work.place))
            if standings[work.id].kind is StandingKind.DONE:
                self._add_recorded(work, State.RECORDED, entry)
            elif entry is not None and entry.key and not entry.is_of(work.file) and self._final(work).exists():
                self._add_recorded(work, State.OLDER, entry)
            else:
                self._look_at_part(target, work, standings[work.id])
                self._look_at_place(target, work)

    def _add_recorded(self, work: WorkFile, state: State, entry: Entry | None) -> None:
        size = entry.size if entry is not None and entry.size is not None else 0
        self._done.add(work.id)
        self._add(Find(work.place, Origin.FILE, state, work, size, in_place=True))

    def _final(self, work: WorkFile) -> Path:
        return Target(self._found.target).spot(work.place).final

    def _look_at_place(self, target: Target, work: WorkFile) -> None:
        """In another folder than the one that is walked, such as what an adoption that was ended had named already."""
        if target.folder == self._found.folder:
            return
        spot = target.spot(work.place)
        with contextlib.suppress(ProblemError):  # in the way: told when the file is to have its place
            if target.check_parents(spot) and (state := plain_file(spot.final)) is not None:
                self._see_file(spot.final, work.place, state.st_size, [work])
                self._seen.add(spot.final)

    def _look_at_part(self, target: Target, work: WorkFile, standing: Standing) -> None:
        part = target.spot(work.place).part
        if standing.kind is StandingKind.WHOLE:
            extents = (Extent(part, 0, standing.bytes),)
            self._add(Find(work.place + PART, Origin.PART, State.WHOLE, work, standing.bytes, extents))
        elif standing.kind is StandingKind.PARTIAL:
            self._add(Find(work.place + PART, Origin.PART, State.PARTIAL, work, standing.bytes))

    def _walk(self, top: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
        """(path, shown below the folder, state) of all that is no folder, in the order of names."""
        waiting = [(top, "")]
        while waiting:
            folder, before = waiting.pop()
            try:
                with os.scandir(folder) as entries:
                    inside = sorted(((entry.name, entry.stat(follow_symlinks=False)) for entry in entries), key=_name)
            except OSError:
                self._found.unreadable.append(_printable(before) or ".")
                continue
            for name, state in inside:
                if stat.S_ISDIR(state.st_mode) and not leads_elsewhere(state):
                    if name.casefold() != OWN_FOLDER:
                        waiting.append((folder / name, f"{before}{name}/"))
                else:
                    yield folder / name, f"{before}{name}", state

    def _see(self, path: Path, shown: str, state: os.stat_result) -> None:
        if path in self._seen or self._is_ours(path):
            return
        works = self._names.matches(shown, state.st_size)
        if leads_elsewhere(state) or not stat.S_ISREG(state.st_mode):
            if works:
                self._add(Find(_printable(shown), Origin.FILE, State.LINK, works[0], 0))
        elif works:
            self._see_file(path, shown, state.st_size, works)
        elif (piece := self._names.piece(shown)) is not None:
            works, number = piece
            scrap = Scrap(number, path, 0, state.st_size, state.st_size)
            if len(works) == 1:
                self._scraps[works[0].id].append(scrap)
            else:
                self._unclear[_printable(shown).rpartition(".")[0]].append(scrap)
        elif shown.casefold().endswith(_TARS) or "download" in path.name.casefold():
            self._see_tar(path, shown)

    def _is_ours(self, path: Path) -> bool:
        if path.name.endswith(JOURNAL):
            return True
        return path.name.endswith(PART) and path.with_name(path.name.removesuffix(PART) + JOURNAL).exists()

    def _see_file(self, path: Path, shown: str, size: int, works: list[WorkFile]) -> None:
        work, extents = works[0], (Extent(path, 0, size),)
        if len(works) == 1 and work.id in self._done:
            return
        in_place = self._is_at(path, work)
        if not work.file.size.allows(size) and self._see_tar(path, shown):
            return
        name = _printable(shown)
        if len(works) > 1:
            self._add(Find(name, Origin.FILE, State.AMBIGUOUS, None, size, extents))
        elif not work.file.size.allows(size):
            self._add(Find(name, Origin.FILE, State.FOREIGN, work, size, extents, in_place))
        else:
            self._see_bytes(Find(name, Origin.FILE, State.WHOLE, work, size, extents, in_place))

    def _is_at(self, path: Path, work: WorkFile) -> bool:
        """Asked of the disk: some take both forms of a Korean name for one, some do not."""
        final = self._final(work)
        try:
            return _nfc(path.name) == final.name and os.path.samestat(os.lstat(path), os.lstat(final))
        except OSError:
            return False

    def _see_bytes(self, find: Find) -> None:
        """A file of the right name and size: whether its bytes lie in order."""
        assert find.work is not None
        path = find.extents[0].path
        try:
            with Volumes([path]):
                pass
            find = self._in_order(find, path)
        except ProblemError:
            find = replace(find, state=State.UNREADABLE, extents=())
        self._add(find)

    def _in_order(self, find: Find, path: Path) -> Find:
        """As far as that can be told by headers: of a gzip it takes all bytes (`proving`)."""
        assert find.work is not None
        name = find.work.place.casefold()
        if name.endswith(".tar") and (order := misjoin_tar.right_order(path, find.size, (), self._stopped)):
            return replace(find, state=State.MISJOINED, extents=order)
        if not name.endswith(".zip") or fit(find.extents) is not Fit.WRONG:
            return find
        orders = right_orders(path, find.size, (), self._stopped)
        if not orders:
            return replace(find, state=State.DAMAGED)
        return replace(find, state=State.MISJOINED, extents=orders[0], others=tuple(orders[1:]))

    def _see_tar(self, path: Path, shown: str) -> bool:
        try:
            tar = read_tar(path)
        except ProblemError:
            self._add(Find(_printable(shown), Origin.TAR, State.UNREADABLE, None, 0))
            return True
        return tar is not None and self._see_members(path, _printable(shown), tar)

    def _see_members(self, path: Path, shown: str, tar: TarMap) -> bool:
        """Whether there are files of the tree in it."""
        scraps: dict[int, list[Scrap]] = defaultdict(list)
        works: dict[int, WorkFile] = {}
        last = 0
        for spot in tar.spots:
            name = spot.name.removeprefix("./")
            found, number = self._names.matches(name), 0
            if not found and (piece := self._names.piece(name)) is not None:
                found, number = piece
            last = 0
            if len(found) == 1:
                last = found[0].id
                works[last] = found[0]
                scraps[last].append(Scrap(number, path, spot.at, spot.size, spot.have))
        for id_, pieces in scraps.items():
            # Of the file with which a tar breaks off, more pieces may have been to come.
            self._join(works[id_], f"{shown}", Origin.TAR, pieces, knows_end=tar.is_whole or id_ != last)
        return bool(scraps)

    def _tell_pieces(self) -> None:
        works = {work.id: work for work in self._found.works}
        for id_, scraps in self._scraps.items():
            folders: dict[Path, list[Scrap]] = defaultdict(list)
            for scrap in scraps:
                folders[scrap.path.parent].append(scrap)
            for _, inside in sorted(folders.items()):
                shown = inside[0].path.relative_to(self._found.folder).as_posix().rpartition(".")[0]
                self._join(works[id_], _printable(shown) + ".part*", Origin.PIECES, inside, knows_end=False)
        for name, scraps in self._unclear.items():
            size = sum(scrap.have for scrap in scraps)
            self._add(Find(name + ".part*", Origin.PIECES, State.AMBIGUOUS, None, size))

    def _join(self, work: WorkFile, shown: str, origin: Origin, scraps: list[Scrap], *, knows_end: bool) -> None:
        if work.id in self._done:
            return
        joined = join(scraps)
        state = State.PARTIAL
        if joined.is_gapless and work.file.size.allows(joined.size):
            state = State.WHOLE
        elif joined.is_gapless and joined.size > work.file.size.high and not work.file.size.is_unknown:
            state = State.FOREIGN
        self._add(Find(shown, origin, state, work, joined.size, joined.extents, False, knows_end))

    def _add(self, find: Find) -> None:
        self._found.finds.append(find)


def _name(entry: tuple[str, os.stat_result]) -> str:
    return entry[0]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
