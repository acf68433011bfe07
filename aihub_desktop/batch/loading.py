"""The copying of a set's files onto its drives.

Bytes, their sync, the name below data/, the folder's sync, and a line in aihub-copied.jsonl: what that names is not
copied again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from aihub_desktop.archives.volumes import Extent, UnreadableError
from aihub_desktop.batch.bag import BAGIT
from aihub_desktop.batch.bundle import BundleSet
from aihub_desktop.batch.bundle_files import COPIED, INCOMING, PLAN, Copied
from aihub_desktop.batch.cargo import Item
from aihub_desktop.batch.documents import append_lines, encoded, read_appended, write_document
from aihub_desktop.batch.landing import Arrival, Digest, Landed, Landing, Source, WrongBytesError
from aihub_desktop.batch.layout import PAYLOAD
from aihub_desktop.batch.values import Carried, Portion
from aihub_desktop.disk.files import disk_error, make_folders, plain_file, sync_folder
from aihub_desktop.disk.patience import remove
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.holdings.copying import Hearer, Steps
from aihub_desktop.transport.ledger import own_folder


@dataclass(frozen=True, slots=True)
class Loss:
    """A file that could not be carried."""

    place: str
    problem: Problem | None  # None: its bytes are not those that were proved


class Loading:
    """Copies what a set is to hold. `hear` is told of each file that is done, or lost."""

    def __init__(
        self,
        bundle: BundleSet,
        items: Iterable[Item],
        steps: Steps,
        hear: Callable[[Carried | Loss], None] = lambda news: None,
    ) -> None:
        self._bundle = bundle
        self._items = {item.story.place: item for item in items}
        self._steps = steps
        self._hear = hear
        self._landings: dict[int, Landing] = {}
        self._pending: dict[str, Carried] = {}  # small files, by their portion's path: sure of their name after a flush
        self.done: dict[str, Copied] = {}
        self.lost: list[Loss] = []

    def run(self) -> None:
        """All files are on their drives, and durable, but for those that are `lost`. Raises `ProblemError`."""
        self._prepare()
        todo = [one for one in self._bundle.carried if one.portions and one.story.place not in self.done]
        if todo:
            self._unseal()
        try:
            for carried in todo:
                self._load(carried)
            for landing in self._landings.values():
                landing.flush()
        finally:
            for landing in self._landings.values():
                landing.close()

    def loaded(self) -> list[Carried]:
        """What the set holds, with all hashes."""
        found = []
        for carried in self._bundle.carried:
            copied = self.done.get(carried.story.place)
            if not carried.portions:
                found.append(carried)
            elif copied is not None and copied.sums:
                pairs = zip(carried.portions, copied.sums, strict=True)
                portions = tuple(msgspec.structs.replace(one, sha256=sha256) for one, sha256 in pairs)
                found.append(msgspec.structs.replace(carried, portions=portions))
        return found

    # ---- the folders ----

    def _prepare(self) -> None:
        for bag in self._bundle.bags:
            bag.drive.must_be_there()
            try:
                make_folders(bag.folder)
                if not (bag.folder / PLAN).exists():
                    head = msgspec.structs.replace(bag.head, files=len(self._bundle.carried))
                    write_document(bag.folder / PLAN, encoded(head, self._bundle.carried))
                make_folders(bag.folder / PAYLOAD)
            except OSError as error:
                raise disk_error(error, bag.folder) from error
            landing = Landing(bag.folder, INCOMING, self._landed, self._failed, self._steps)
            landing.open()
            self._landings[bag.head.bag] = landing
        self._recall()

    def _unseal(self) -> None:
        """A bag that was finished before the others, and to which more may come, is none until it is finished again."""
        for bag in self._bundle.bags:
            try:
                if remove(bag.folder / BAGIT):
                    sync_folder(bag.folder)
            except OSError as error:
                raise disk_error(error, bag.folder) from error

    def _recall(self) -> None:
        """What an earlier run made durable, as far as it is still there."""
        known = {one.place: one for bag in self._bundle.bags for one in read_appended(bag.folder / COPIED, Copied)}
        for carried in self._bundle.carried:
            copied = known.get(carried.story.place)
            if copied is not None and self._are_there(carried, copied):
                self.done[copied.place] = copied

    def _are_there(self, carried: Carried, copied: Copied) -> bool:
        if len(copied.sums) != len(carried.portions):
            return False  # it was damaged, and may have been repaired since
        for portion in carried.portions:
            state = plain_file(self._folder(portion) / portion.path)
            if state is None or state.st_size != portion.length:
                return False
        return True

    def _folder(self, portion: Portion) -> Path:
        return self._bundle.bags[portion.bag - 1].folder

    # ---- a file ----

    def _load(self, carried: Carried) -> None:
        try:
            try:
                self._copy(carried)
            except ProblemError as error:
                if error.problem.code is not Code.CHANGED:
                    raise
                self._copy(carried)  # what was begun was of other bytes, and is gone
        except WrongBytesError:
            self._lose(carried, None)
        except UnreadableError as error:
            _must_be_there(self._items[carried.story.place])
            self._lose(carried, error.problem)

    def _copy(self, carried: Carried) -> None:
        """Portion by portion; each is heard by one digest, whose end must be the ledger's."""
        item = self._items.get(carried.story.place)
        if item is None:
            raise WrongBytesError(Path(carried.story.place))
        whole = Digest()
        sums = [self._copy_portion(carried, portion, item, whole) for portion in carried.portions]
        if len(sums) > 1:
            if whole.hex != carried.story.sha256:
                raise WrongBytesError(item.path)
            self._note([(carried, Copied(carried.story.place, tuple(sums)))])

    def _copy_portion(self, carried: Carried, portion: Portion, item: Item, whole: Hearer) -> str:
        bag = self._bundle.bags[portion.bag - 1]
        bag.drive.must_be_there()
        spot = Target(bag.folder).spot(portion.path)
        is_one = len(carried.portions) == 1
        # Of a run that was cut off before it could note what has its name already, this takes the place.
        arrival = Arrival(
            portion.path, spot, portion.length, carried.story.sha256 if is_one else "", replace=True
        )  # fmt: skip
        self._pending[portion.path] = carried
        landing = self._landings[portion.bag]
        sha256 = landing.bring(arrival, [Source(Extent(item.path, portion.start, portion.length))], whole)
        if not is_one:
            landing.flush()  # what is noted of the whole is noted of durable portions
        return sha256

    def _landed(self, landed: Sequence[Landed]) -> None:
        by_carried = [(self._pending.pop(one.label, None), one) for one in landed]
        whole = [(carried, one) for carried, one in by_carried if carried is not None and len(carried.portions) == 1]
        self._note([(carried, Copied(carried.story.place, (one.sha256,))) for carried, one in whole])

    def _failed(self, label: str, problem: Problem) -> None:
        if (carried := self._pending.pop(label, None)) is not None:
            self._lose(carried, problem)

    def _lose(self, carried: Carried, problem: Problem | None) -> None:
        for portion in carried.portions:
            self._pending.pop(portion.path, None)
            with contextlib.suppress(OSError):
                remove(self._folder(portion) / portion.path)
        self._note([(carried, Copied(carried.story.place))], tell=False)
        loss = Loss(carried.story.place, problem)
        self.lost.append(loss)
        self._hear(loss)

    def _note(self, copied: Sequence[tuple[Carried, Copied]], *, tell: bool = True) -> None:
        lines: dict[int, list[Copied]] = {}
        for carried, one in copied:
            for number in {portion.bag for portion in carried.portions}:
                lines.setdefault(number, []).append(one)
        for number, some in lines.items():
            append_lines(self._bundle.bags[number - 1].folder / COPIED, some)
        for carried, one in copied:
            self.done[one.place] = one
            if tell:
                self._hear(carried)


def _must_be_there(item: Item) -> None:
    """Where the whole library went away, nothing is wrong with a file of it. Raises `ProblemError` DRIVE_GONE."""
    if not own_folder(item.library).is_dir():
        raise ProblemError(Code.DRIVE_GONE, path=str(item.library))
