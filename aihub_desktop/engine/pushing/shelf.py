"""A library's verified files, put below a prefix.

ledger ──▶ look: what is there already? ──▶ withdraw what will change ──▶ send ──▶ manifest, last
one small file: read, hashed, compared with the ledger, sent in one piece
one large file: read in order, each part handed over; completed only if the whole had the ledger's SHA-256
"""

from __future__ import annotations

import hashlib
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.engine.pushing.contents import Contents, Story, check_name
from aihub_desktop.engine.pushing.depot import MEMORY, Depot, Room
from aihub_desktop.engine.pushing.fate import Fate, Outcome, Progress
from aihub_desktop.engine.pushing.inparts import InParts, Means, put
from aihub_desktop.engine.pushing.paths import Paths, blocks, must_be, opened, read_fully, whole
from aihub_desktop.engine.pushing.record import Kept, Record
from aihub_desktop.sources.s3.multipart import USUAL_PART, part_length
from aihub_desktop.sources.s3.uploads import Stored
from aihub_desktop.transport.digests import Digests
from aihub_desktop.transport.ledger import Entry, Ledger, moment

_READERS: Final = 2  # large files at once: the end of one is waited for while the next is read
_TRIES: Final = 3  # of a large file whose upload the storage lost, or did not take as it was
_ANEW: Final = frozenset({Code.SERVER_ERROR, Code.WRONG_CHECKSUM})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the ledger, and where it is to lie."""

    entry: Entry
    key: str

    @property
    def path(self) -> str:
        return self.entry.place


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent of one file: `size` bytes as they lie on disk now."""

    item: Item
    path: Path
    size: int
    replaces: bool


def wanted(folder: Path, fits: Callable[[str], bool], dataset: str = "") -> list[Entry]:
    """The entries of the folder's ledger whose place `fits`, of `dataset` alone if one is named."""
    entries = Ledger(folder).entries().values()
    return [one for one in entries if fits(one.place) and (not dataset or one.dataset == dataset)]


class Shelf:
    """One run. `tell` hears of each file, by any thread, never by two at once.

    `replace`: objects that have another content may be replaced.
    """

    def __init__(
        self,
        depot: Depot,
        record: Record,
        folder: Path,
        entries: Sequence[Entry],
        tell: Callable[[Fate], None],
        *,
        replace: bool = False,
        part_bytes: int = USUAL_PART,
        memory: int = MEMORY,
    ) -> None:
        self.progress = Progress(files_total=len(entries), bytes_total=sum(entry.size or 0 for entry in entries))
        self._depot = depot
        self._record = record
        self._entries = entries
        self._tell = tell
        self._telling = threading.Lock()
        self._replace = replace
        self._part_bytes = part_bytes
        self._paths = Paths(folder, lambda: depot.is_stopped)
        self._contents = Contents(depot, record)
        self._room = Room(memory)
        self._there: dict[str, int] | None = None

    def rehearse(self) -> int:
        """Tells what would be sent. Nothing is changed anywhere."""
        plans = self._look()
        for plan in plans:
            self._say(Fate(plan.item.path, plan.item.key, Outcome.WANTED, plan.size, plan.item.entry.sha256))
        return 0

    def run(self) -> int:
        """How many files the manifest tells of at the end. Raises what no file can be blamed for, and STOPPED."""
        self._contents.load()
        plans = self._look()
        self._contents.withdraw(self._changing(plans))
        with ThreadPoolExecutor(self._depot.settings.connections, "push") as hands:
            small = [plan for plan in plans if plan.size <= self._part_bytes]
            large = [plan for plan in plans if plan.size > self._part_bytes]
            readers = self._begin_large(hands, large)
            for plan in small:
                # Before a hand has it: hands that waited for room would keep those parts waiting that have it.
                self._room.take(plan.size)
                hands.submit(self._small, plan)
            for reader in readers:
                reader.join()
        self._depot.must_go_on()
        return self._contents.publish()

    def _begin_large(self, hands: ThreadPoolExecutor, plans: list[Plan]) -> list[threading.Thread]:
        waiting: queue.SimpleQueue[Plan] = queue.SimpleQueue()
        for plan in plans:
            waiting.put(plan)

        def read() -> None:
            while True:
                try:
                    plan = waiting.get_nowait()
                except queue.Empty:
                    return
                self._for_one(plan, lambda one: self._send_large(one, hands))

        readers = [threading.Thread(target=read, name="push-reader") for _ in plans[:_READERS]]
        for reader in readers:
            reader.start()
        return readers

    def _changing(self, plans: Sequence[Plan]) -> list[str]:
        """Files of which the manifest tells another content than they will have."""
        told = [(plan.item, self._contents.story(plan.item.path)) for plan in plans]
        return [item.path for item, story in told if story is not None and story.sha256 != item.entry.sha256]

    # ---- what is there already ----

    def _look(self) -> list[Plan]:
        """What is to be sent; all others are told."""
        self._there = self._depot.listed()
        with ThreadPoolExecutor(self._depot.settings.connections, "push-look") as hands:
            futures: list[Future[Plan | None]] = [hands.submit(self._looked_at, entry) for entry in self._entries]
            return [plan for future in futures if (plan := future.result()) is not None]

    def _looked_at(self, entry: Entry) -> Plan | None:
        item = Item(entry, self._depot.prefix + entry.place)
        try:
            self._depot.must_go_on()
            check_name(entry.place)
            self._depot.key_of(entry.place)
            path, size = self._paths.find(entry)
            stored = self._known(item.key)
            if stored is None:
                return Plan(item, path, size, replaces=False)
            if self._is_same(item, path, size, stored):
                self._is_there(item, size, stored)
                return None
            self._contents.compare(item.path, stored)
            if not self._replace and not self._record.is_doubted(item.key):
                raise ProblemError(Code.OTHER_OBJECT, name=item.key[:300], size=stored.size)
            return Plan(item, path, size, replaces=True)
        except ProblemError as error:
            self._failed(item, error.problem)
            return None

    def _known(self, key: str) -> Stored | None:
        if self._there is not None and key not in self._there:
            return None
        return self._stored(key)

    def _stored(self, key: str) -> Stored | None:
        return self._depot.persistently(lambda uploads: uploads.stored(key))

    def _is_same(self, item: Item, path: Path, size: int, stored: Stored) -> bool:
        """By its hash, or by a checksum that takes reading the file here."""
        if stored.size != size or self._record.is_doubted(item.key):
            return False
        if stored.sha256:
            return stored.sha256 == item.entry.sha256
        kept = self._record.kept(item.key)
        if kept is not None and (kept.etag, kept.size) == (stored.etag, stored.size):
            return kept.sha256 == item.entry.sha256
        digests, sha256 = Digests.of((), stored.checksums, size), hashlib.sha256()
        for view in blocks(path, size):
            self._depot.must_go_on()
            sha256.update(view)
            digests.update(view)
        right = sha256.hexdigest() == item.entry.sha256
        return right and digests.wrong(item.entry.sha256) is None and bool(digests.note())

    def _is_there(self, item: Item, size: int, stored: Stored) -> None:
        kept = self._record.kept(item.key)
        told = self._contents.story(item.path)
        how = kept.stored if kept is not None else told.stored if told is not None else ""
        self._keep(item, Outcome.THERE, size, stored.etag, how or ("sha-256" if stored.sha256 else "md5"))

    # ---- sending ----

    def _for_one(self, plan: Plan, send: Callable[[Plan], None]) -> None:
        try:
            self._depot.must_go_on()
            send(plan)
        except ProblemError as error:
            self._failed(plan.item, error.problem)
        except Exception as error:
            _log.exception("pushing")
            self._failed(plan.item, Problem(Code.BUG, {"why": type(error).__name__}))

    def _small(self, plan: Plan) -> None:
        """There is room for it."""
        try:
            self._for_one(plan, self._send_small)
        finally:
            self._room.give_back(plan.size)

    def _send_small(self, plan: Plan) -> None:
        body = whole(plan.path, plan.size)
        must_be(plan.item.entry, hashlib.sha256(body).hexdigest())
        receipt = put(self._depot, self._record, plan.item.key, memoryview(body), plan.item.entry.sha256)
        self.progress.moved(plan.size)
        self._depot.took(plan.size)
        how = receipt.proof.value if receipt.proof else "length"
        self._keep(plan.item, Outcome.SENT, plan.size, receipt.etag, how)

    def _send_large(self, plan: Plan, hands: ThreadPoolExecutor) -> None:
        for again in range(_TRIES - 1, -1, -1):
            try:
                return self._send_parts(plan, hands)
            except ProblemError as error:
                if error.problem.code not in _ANEW or not again:
                    raise

    def _send_parts(self, plan: Plan, hands: ThreadPoolExecutor) -> None:
        entry = plan.item.entry
        means = Means(self._depot, self._record, hands, self._room)
        parts = InParts(means, plan.item.key, self.progress.moved)
        try:
            parts.open(part_length(plan.size, self._part_bytes), entry.sha256)
            digest = self._read_parts(plan, parts)
            if digest != entry.sha256:
                parts.abort()
                must_be(entry, digest)
            stored = parts.finish()
        except ProblemError:
            parts.leave()
            raise
        finally:
            self.progress.passed += parts.passed
        self._keep(plan.item, Outcome.SENT, plan.size, stored.etag, parts.proof(stored))

    def _read_parts(self, plan: Plan, parts: InParts) -> str:
        """Hands every part over, in order; the SHA-256 of all."""
        digest = hashlib.sha256()
        length = parts.part_bytes
        with opened(plan.path) as file:
            for number, start in enumerate(range(0, plan.size, length), 1):
                self._depot.must_go_on()
                body = memoryview(bytearray(min(length, plan.size - start)))
                read_fully(file, start, body)
                digest.update(body)
                parts.part(number, body)
        return digest.hexdigest()

    # ---- what became of it ----

    def _keep(self, item: Item, outcome: Outcome, size: int, etag: str, stored: str) -> None:
        entry, at = item.entry, moment()
        self._record.add(Kept(item.key, size, etag, entry.sha256, stored=stored, at=at))
        self._contents.tell(
            Story(
                item.path, entry.sha256, size, etag, entry.source, entry.dataset, entry.key, entry.proof, entry.note,
                stored, entry.at,
            )
        )  # fmt: skip
        self._say(
            Fate(
                item.path, item.key, outcome, size, entry.sha256, entry.proof, entry.note, stored, entry.key
            )
        )  # fmt: skip

    def _failed(self, item: Item, problem: Problem) -> None:
        if problem.code is Code.STOPPED and self._depot.is_stopped:
            return  # not its fault, and told for all
        size = item.entry.size or 0
        self._say(Fate(item.path, item.key, Outcome.FAILED, size, file_key=item.entry.key, problem=problem))

    def _say(self, fate: Fate) -> None:
        if fate.outcome is Outcome.THERE:
            self.progress.moved(fate.size)
            self.progress.passed += fate.size
        self.progress.ended()
        with self._telling:
            self._tell(fate)
