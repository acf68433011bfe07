"""What a batch comes to now: its datasets as the hub lists them, its addresses as their places answer; and how a
folder has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec
from PySide6.QtCore import QObject, Signal

from aihub_desktop.domain import addresses
from aihub_desktop.domain.addresses import ObjectAddress
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.findings import LACKING, Standing
from aihub_desktop.domain.messages import (
    Browse,
    Compare,
    Compared,
    Expand,
    FileList,
    Inspect,
    Inspected,
    ListFiles,
    Shelf,
)
from aihub_desktop.domain.model import HUB, S3, UNKNOWN_SIZE, WEB, Dataset, Origin, RemoteFile
from aihub_desktop.domain.selection import chosen, name_on_disk, unknown_keys
from aihub_desktop.domain.storage import container, plain_endpoint
from aihub_desktop.gui.address_list import METALINKS
from aihub_desktop.gui.depot import Depot
from aihub_desktop.gui.engine_link import EngineLink, Refused
from aihub_desktop.gui.presets import PRESETS

_FEW: Final = 500  # web addresses that are all asked about, which is how changes are seen


@dataclass(slots=True, eq=False)
class Line:
    """One wish of a batch, and what it comes to. `old`: when the list was taken that had to do, in seconds since 1970.

    `gone`: keys that no file has any more. `standings`: of `files`, in their order, once a folder was looked at.
    """

    wish: DatasetWish | AddressWish
    name: str
    dataset: Dataset | None = None
    files: list[RemoteFile] = field(default_factory=list)
    problem: Problem | None = None
    old: float | None = None
    gone: int = 0
    known: bool = False
    standings: list[Standing] = field(default_factory=list)

    def counts(self) -> Counter[Standing]:
        return Counter(self.standings)

    def lacking(self) -> list[RemoteFile]:
        """What the folder has not, or not as it should be."""
        return [file for file, standing in zip(self.files, self.standings, strict=True) if standing in LACKING]


class Listing(QObject):
    """Asks for one thing after the other. `changed` gives a line's place; `done` once all lines are known; `weighed`
    once it is known how the folder has them. After `end` nothing more comes.
    """

    changed = Signal(int)
    done = Signal()
    weighed = Signal()
    failed = Signal(Problem)  # to weigh a folder

    def __init__(self, link: EngineLink, depot: Depot, batch: BatchFile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link, self._depot, self._batch = link, depot, batch
        self.lines = [Line(wish, wish.title or wish.key) for wish in batch.datasets]
        self.lines += [Line(wish, addresses.shown(wish.address)) for wish in batch.addresses]
        self._steps: Iterator[Callable[[], None]] = self._all_steps()
        self._is_over = False
        self._look = 0  # each gets a number; answers to former ones are dropped
        self.known = False

    def begin(self) -> None:
        """From the start, whatever was known before. Not before `done`."""
        self.forget()
        for line in self.lines:
            line.dataset, line.problem, line.old, line.gone = None, None, None, 0
            line.files, line.known = [], False
        self._steps, self.known = self._all_steps(), False
        self._next()

    def end(self) -> None:
        self._is_over = True

    def files(self) -> list[RemoteFile]:
        return [file for line in self.lines for file in line.files]

    # ---- what there is ----

    def _all_steps(self) -> Iterator[Callable[[], None]]:
        for place, line in enumerate(self.lines):
            if isinstance(line.wish, DatasetWish):
                yield partial(self._ask_dataset, place, line.wish)
        web = [place for place, line in enumerate(self.lines) if _is_web(line)]
        if web:
            yield partial(self._ask_web, web)
        for place, line in enumerate(self.lines):
            if isinstance(line.wish, AddressWish) and addresses.is_object(line.wish.address):
                yield partial(self._ask_object, place, line.wish)

    def _next(self) -> None:
        if self._is_over:
            return
        step = next(self._steps, None)
        if step is not None:
            step()
            return
        self._set_apart()
        self.known = True
        self.done.emit()

    def _settle(self, place: int, problem: Problem | None = None) -> None:
        line = self.lines[place]
        line.known = True
        line.problem = problem or line.problem
        if not self._is_over:
            self.changed.emit(place)

    def _refuse(self, place: int) -> Refused:
        def refused(problem: Problem) -> None:
            self._settle(place, problem)
            self._next()

        return refused

    def _ask_dataset(self, place: int, wish: DatasetWish) -> None:
        def listed(answer: FileList) -> None:
            line = self.lines[place]
            line.files = chosen(answer.files, wish.files, wish.include, wish.exclude)
            line.dataset, line.name = answer.dataset, answer.dataset.title or line.name
            line.old = answer.asked_at if answer.problem is not None else None
            line.gone = len(unknown_keys(answer.files, wish.files))
            nothing = Problem(Code.UNKNOWN_FILE) if not line.files else None
            self._settle(place, nothing)
            self._next()

        self._link.ask(ListFiles(0, wish.key, wish.package, refresh=True), FileList, listed, self._refuse(place))

    def _ask_web(self, places: Sequence[int]) -> None:
        entries = {_entry(self.lines[place].wish): place for place in places}
        wishes = {entry: self.lines[place].wish for entry, place in entries.items()}
        names = {entry: wish.out for entry, wish in wishes.items() if isinstance(wish, AddressWish) and wish.out}
        sums = {
            entry: addresses.checksum(wish.checksum)
            for entry, wish in wishes.items()
            if isinstance(wish, AddressWish) and wish.checksum
        }

        def refused(problem: Problem) -> None:
            for place in places:
                self._settle(place, problem)
            self._next()

        ask = Inspect(0, list(entries), names, sums, ask_all=len(entries) <= _FEW)
        self._link.ask(ask, Inspected, lambda answer: self._inspected(entries, answer), refused)

    def _inspected(self, entries: dict[str, int], answer: Inspected) -> None:
        owners = {address: place for entry, place in entries.items() for address in entry.split("\t")}
        lists = [place for address, place in owners.items() if address.casefold().endswith(METALINKS)]
        for file in answer.files:
            known = (file.key.partition("#")[0], *(file.origin.addresses if file.origin is not None else ()))
            # What is of no address of the batch came out of a Metalink.
            place = next((owners[one] for one in known if one in owners), (lists or list(owners.values()))[0])
            line = self.lines[place]
            line.dataset = line.dataset or Dataset(WEB, "", line.name)
            line.files.append(file)
        for entry, place in entries.items():
            missing = Problem(Code.NOT_THERE) if not self.lines[place].files else None
            self._settle(place, answer.problems.get(entry, missing))
        self._next()

    def _ask_object(self, place: int, wish: AddressWish) -> None:
        endpoint = self._endpoint()
        if not endpoint:
            self._refuse(place)(Problem(Code.BAD_ADDRESS, {"what": "which-storage"}))
            return
        address = addresses.object_address(wish.address)
        dataset = Dataset(S3, container(endpoint, address.bucket), str(address))

        def take(files: list[RemoteFile]) -> None:
            self.lines[place].dataset, self.lines[place].files = dataset, files
            self._settle(place, None if files else Problem(Code.NOT_THERE))
            self._next()

        if address.is_prefix:
            ask = Expand(0, endpoint, address.bucket, [address.key], address.key)
            self._link.ask(ask, FileList, lambda answer: take(answer.files), self._refuse(place))
        else:
            self._ask_one(place, endpoint, address, lambda files: take([_as_wished(one, wish) for one in files]))

    def _ask_one(
        self, place: int, endpoint: str, address: ObjectAddress, take: Callable[[list[RemoteFile]], None]
    ) -> None:
        name = address.key.rpartition("/")[2]

        def come(shelf: Shelf) -> None:
            take([msgspec.structs.replace(file, path=name) for file in shelf.files if file.key == address.key])

        def refused(problem: Problem) -> None:
            if problem.code is not Code.NO_ACCESS:
                self._refuse(place)(problem)
                return
            # Whoever may read an object need not be allowed to list its bucket.
            bucket = container(endpoint, address.bucket)
            take([RemoteFile(S3, bucket, address.key, name, UNKNOWN_SIZE, origin=Origin())])

        self._link.ask(Browse(0, endpoint, address.bucket, address.key), Shelf, come, refused)

    def _endpoint(self) -> str:
        """The storage that is meant: by its address or its name; where none is named, the only one there is."""
        named, rows = self._batch.endpoint, self._depot.rows
        if not named:
            return rows[0].storage.endpoint if len(rows) == 1 else ""
        for row in rows:
            if named in (row.storage.endpoint, row.storage.name):
                return row.storage.endpoint
        short = {preset.name.removeprefix("naver-"): preset.endpoint for preset in PRESETS if preset.endpoint}
        try:
            return short.get(named) or plain_endpoint(named)
        except ValueError:
            return ""

    def _set_apart(self) -> None:
        """Of files that would have one name on disk the first counts: each would replace the other for ever."""
        taken: dict[str, RemoteFile] = {}
        for place, line in enumerate(self.lines):
            kept = [file for file in line.files if taken.setdefault(name_on_disk(file), file) is file]
            if len(kept) < len(line.files):
                lost = next(file for file in line.files if taken[name_on_disk(file)] is not file)
                facts: dict[str, str | int] = {"name": lost.path[:300], "other": taken[name_on_disk(lost)].path[:300]}
                line.files = kept
                self._settle(place, Problem(Code.NAME_CLASH, facts))

    # ---- how a folder has it ----

    def weigh(self, folder: str, *, ready: bool = False, then: Callable[[], None] | None = None) -> None:
        """`ready`: what is broken may be replaced from now on; `then` is called once that is so."""
        self._look += 1
        look = self._look

        def compared(answer: Compared) -> None:
            if look != self._look or self._is_over:
                return
            rest = iter(answer.standings)
            for line in self.lines:
                line.standings = [next(rest) for _ in line.files]
            self.weighed.emit()
            if then is not None:
                then()

        def refused(problem: Problem) -> None:
            if look == self._look and not self._is_over:
                if not ready:  # else the folder stands as it did
                    self.forget()
                self.failed.emit(problem)

        self._link.ask(Compare(0, folder, self.files(), ready), Compared, compared, refused)

    def forget(self) -> None:
        """Another folder is meant: how it stands is not known yet."""
        self._look += 1
        for line in self.lines:
            line.standings = []

    def parcels(self) -> list[tuple[Dataset, list[RemoteFile]]]:
        """What lacks, by what becomes one download."""
        found: dict[tuple[str, str, bool], tuple[Dataset, list[RemoteFile]]] = {}
        for line in self.lines:
            if line.dataset is not None and line.standings and (files := line.lacking()):
                key = (line.dataset.source, line.dataset.key, line.dataset.package)
                found.setdefault(key, (line.dataset, []))[1].extend(files)
        return list(found.values())

    @property
    def needs_key(self) -> bool:
        return any(dataset.source == HUB for dataset, _ in self.parcels())


def _is_web(line: Line) -> bool:
    return isinstance(line.wish, AddressWish) and not addresses.is_object(line.wish.address)


def _entry(wish: DatasetWish | AddressWish) -> str:
    assert isinstance(wish, AddressWish)
    return "\t".join(addresses.web_address(one) for one in (wish.address, *wish.mirrors))


def _as_wished(file: RemoteFile, wish: AddressWish) -> RemoteFile:
    """With the name and the checksum that the batch gives, which counts before those of the place."""
    file = msgspec.structs.replace(file, path=wish.out or file.path)
    if not wish.checksum:
        return file
    checksum, origin = addresses.checksum(wish.checksum), file.origin or Origin()
    others = tuple(one for one in origin.checksums if one.algorithm is not checksum.algorithm)
    return msgspec.structs.replace(file, origin=msgspec.structs.replace(origin, checksums=(checksum, *others)))
