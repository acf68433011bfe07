"""Carries out what the core decides: one loop, one thread, the only writer of the queue.

A turn: take what came in → core → deeds → manifest → one transaction → events. What a turn says is true on disk.
While small files come by the thousand several turns share manifest and transaction: a sync for each would be the limit.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import make_folders
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import AnyNews, Charted
from aihub_desktop.domain.states import TRANSFER_ENDED
from aihub_desktop.engine.awake import Wakefulness
from aihub_desktop.engine.bearing import Bearing
from aihub_desktop.engine.copies import Copies
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import (
    Deed,
    KeyChanged,
    LineChanged,
    LookAt,
    Record,
    StorageChanged,
    Survey,
)
from aihub_desktop.engine.disk import Clerk
from aihub_desktop.engine.errands import Back, Errands
from aihub_desktop.engine.hold import Hold
from aihub_desktop.engine.keys import Keys
from aihub_desktop.engine.labs import Labs
from aihub_desktop.engine.lending import Lending
from aihub_desktop.engine.library import Library, OfLibrary, Reply
from aihub_desktop.engine.lookout import Lookout
from aihub_desktop.engine.looks import Looks, OfLooks
from aihub_desktop.engine.marks import Marks
from aihub_desktop.engine.orders import agent, user_agent
from aihub_desktop.engine.outbox import PROGRESS_SECONDS, Emit, Outbox
from aihub_desktop.engine.pages import listed
from aihub_desktop.engine.pool import Pool
from aihub_desktop.engine.preferences import Preferences
from aihub_desktop.engine.records import Book, LeaseKind, Moment
from aihub_desktop.engine.shelves import OfShelves, Shelves
from aihub_desktop.engine.storages import StorageKeys
from aihub_desktop.engine.viewing import Viewing
from aihub_desktop.engine.volumes import SURVEY_SECONDS
from aihub_desktop.engine.watch import Watch, local_hour
from aihub_desktop.engine.wishes import turns_to
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.store.keychain import Vault
from aihub_desktop.store.learned import recall
from aihub_desktop.store.queue import QueueStore

_log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 1.0  # how late a deadline may be noticed
_SAVE_SECONDS: Final = 0.2  # as often as progress is told: nobody sees more
_MOST_WORKERS: Final = 4  # more interpreters than this bring nothing: hashing and sockets run outside the lock

Input = m.AnyCommand | AnyNews | Back


class Shell:
    """One engine over one state folder. `start`, `post` commands, `close`; events come through `emit`, from the loop.

    `worker_command` starts a worker process. `only_new`, `patience`, `survey_seconds`: see `Core`.
    """

    def __init__(
        self, home: Path, hub: str, worker_command: list[str], emit: Emit, *, only_new: bool, patience: float | None,
        survey_seconds: float = SURVEY_SECONDS,
    ) -> None:  # fmt: skip
        self._home, self._hub = home, hub
        self._worker_command, self._only_new = worker_command, only_new
        self._patience, self._survey_seconds = patience, survey_seconds
        self._inbox: queue.SimpleQueue[Input | None] = queue.SimpleQueue()
        self._outbox, self._clerk = Outbox(emit), Clerk()
        self._records: list[Record] = []  # of this turn, not in a manifest yet
        self._saved_at, self._ending = float("-inf"), False
        self._thread = threading.Thread(target=self._run, name="engine")

    # ---- from any thread ----

    def start(self) -> None:
        """Opens the state folder and begins. Raises ENGINE_BUSY, STORE_NEWER, STORE_BROKEN, NOT_WRITABLE …"""
        try:
            make_folders(self._home)  # a queue that was promised must not go with its folder
        except OSError as error:
            raise ProblemError(Code.NOT_WRITABLE, path=str(self._home), why=error.strerror or "") from None
        self._hold = Hold(self._home)
        try:
            self._open()
        except BaseException:
            self._hold.release()
            raise
        self._thread.start()

    def post(self, message: Input) -> None:
        self._inbox.put(message)

    def close(self) -> None:
        """Stops the streams, makes durable what came, saves, and returns when no process of ours is left."""
        if self._thread.ident is not None:
            self._inbox.put(None)
            self._thread.join()

    # ---- opening ----

    def _open(self) -> None:
        self._store = QueueStore(self._home / "queue.sqlite")
        self._preferences = Preferences(self._store)
        settings = self._preferences.used
        size = min(os.cpu_count() or 1, _MOST_WORKERS)
        self._core = Core(
            settings, seed=random.SystemRandom().getrandbits(32), only_new=self._only_new, patience=self._patience,
            local=local_hour, survey_seconds=self._survey_seconds, processes=size,
        )  # fmt: skip
        _load(self._core.book, self._store)
        self._source = AIHub(self._hub, user_agent=user_agent(settings), connect_timeout=settings.connect_timeout)
        self._errands = Errands("errand", self.post)
        self._lookout = Lookout(self._errands, self._tell)
        self._keys = Keys(self._hub, self._source, self._errands, self.post)
        self._storages = StorageKeys(
            self._store, Vault(), self.post, lambda endpoint: self._tell(StorageChanged(endpoint))
        )
        self._labs = Labs(self._store, Vault(), self._errands, self.post, lambda: agent(self._core.settings))
        self._shelves = Shelves(self._storages, self._labs, self._errands, lambda: agent(self._core.settings))
        self._copies = Copies(self._store, self._source, self._errands)
        self._marks = Marks(self._store, recall(self._home, self._hub), self._outbox.marks)
        self._looks = Looks(self._errands)
        self._watch = Watch(self._hub, self._errands)
        self._awake = Wakefulness(self._errands)
        self._pool = Pool(self._worker_command, size, self._home / "logs", self.post)
        self._bearing = Bearing(self._core.book, self._hub)
        self._viewing = Viewing(self._core.book, self._errands, self._pool.adjust, self._outbox.map)
        self._lending = Lending(
            self._core, self._pool, self._keys, self._storages, self._labs, home=self._home, hub=self._hub,
            post=self.post, is_eager=self._only_new,
        )  # fmt: skip
        self._library = Library(
            self._store, self._core.book, errands=self._errands, pool=self._pool, outbox=self._outbox,
            copies=self._copies, add=self._wish, is_quiet=self._only_new,
        )  # fmt: skip

    # ---- the loop ----

    def _run(self) -> None:
        try:
            self._outbox.snapshot(self._core, self._hub, self._marks.rows())
            self._core.starts(_now())
            self._library.starts()
            self._turn([])
            while not self._ending:
                self._turn(self._take())
        except Exception as error:
            problem = error.problem if isinstance(error, ProblemError) else Problem(Code.BUG, {"why": "engine"})
            _log.exception("the engine failed")
            self._pool.close()
            self._hold.release()
            self._outbox.fatal(problem)
            return
        self._shut()

    def _take(self) -> list[Input]:
        """All that has come in, after waiting no longer than the next deadline. What came before the end counts."""
        due = self._core.next_moment(_now())
        wait = min(_IDLE_SECONDS if due is None else due, PROGRESS_SECONDS if self._outbox.moving else _IDLE_SECONDS)
        messages: list[Input] = []
        self._watch.waits(wait)
        try:
            message = self._inbox.get(timeout=max(wait, 0.001))
            while message is not None:
                messages.append(message)
                message = self._inbox.get_nowait()
            self._ending = True
        except queue.Empty:
            pass
        return messages

    def _turn(self, messages: list[Input]) -> None:
        self._watch_line()
        for message in messages:
            self._handle(message)
        # What comes next begins before the disk has had its time for what is through.
        self._do(self._core.plan(_now()))
        for each in (self._pool, self._keys, self._storages, self._labs):
            each.enforce()
        if self._is_time_to_save():
            if self._records:
                self._enter_records()
                self._do(self._core.plan(_now()))
            self._save()
            self._saved_at = time.monotonic()
        self._outbox.progress(self._core, _now())
        self._viewing.turn(time.monotonic())

    def _is_time_to_save(self) -> bool:
        """Small files end by the hundred in the time that a disk needs for one turn: they are saved a few at a time,
        and the workers wait for their next lease no longer than for a thought.
        """
        gathers = any(lease.kind is LeaseKind.GATHER for lease in self._core.book.leases.values())
        return not gathers or time.monotonic() - self._saved_at >= _SAVE_SECONDS

    def _watch_line(self) -> None:
        """After sleep, or by another way out, no connection from before lives on."""
        if address := self._bearing.address():
            self._watch.towards(address)
        if why := self._watch.changed(bool(address or self._core.book.later)):
            _log.warning("all that is received begins anew: %s", why)
            self._tell(LineChanged())
        moves = self._core.book.leases or self._core.book.later or self._library.is_at_work()
        self._awake.enforce(bool(moves), self._core.settings.awake)

    def _handle(self, message: Input) -> None:
        match message:
            case Back(then=then, value=value, problem=problem):
                then(value, problem)
            case m.Command():
                try:
                    self._obey(message)
                except ProblemError as error:
                    self._outbox.answer(message.id, None, error.problem)
            case Charted():
                self._viewing.heard(message)
            case _ if message.lease < 0:
                self._library.hear(message)
            case _:
                self._lending.heard(message)
                self._tell(message)

    def _tell(self, message: object) -> int | None:
        """Something for the core. Raises `ProblemError` where it refuses a command."""
        deeds, result = self._core.handle(message, _now())
        self._do(deeds)
        return result

    # ---- commands ----

    def _obey(self, command: m.AnyCommand) -> None:
        def reply(value: object, problem: Problem | None) -> None:
            self._outbox.answer(command.id, value, problem)

        match command:
            case m.ListDatasets() | m.ListFiles() | m.ListOutlines():
                self._copies.handle(command, self._library.after(command, reply))
            case m.ShowKey() | m.TestKey():
                self._keys.handle(command, reply)
            case m.SetKey() | m.ClearKey():
                self._keys.handle(command, lambda value, problem: self._key_set(value, problem, reply))
            case m.Space():
                floor = self._core.settings.floor_bytes
                self._lookout.space(command, lambda volume: self._core.volumes.usable(volume, floor), reply)
            case _:
                self._pass_on(command, reply)

    def _pass_on(self, command: m.AnyCommand, reply: Reply) -> None:
        match command:
            case _ if isinstance(command, OfShelves):
                self._shelves.handle(command, reply)
                self._lending.expect(command)
            case _ if isinstance(command, OfLibrary):
                self._library.handle(command, reply)
            case _ if isinstance(command, OfLooks):
                self._looks.handle(command, reply)
            case m.Quit():
                reply(None, None)
                self._inbox.put(None)
            case _:
                reply(self._obey_at_once(command), None)

    def _obey_at_once(self, command: m.AnyCommand) -> object:
        match command:
            case m.Resync():
                self._outbox.snapshot(self._core, self._hub, self._marks.rows())
            case m.Rows() | m.Find():
                self._save()
                return listed(self._store, self._core.book, command)
            case m.Watch(file=file):
                self._viewing.watch(file)
            case m.Configure():
                self._configure(command)
            case m.Star() | m.Visit():
                self._marks.obey(command)
            case m.Add(folder=folder) if "\0" in folder or not os.path.isabs(folder):
                # Another process's relative path means nothing here.
                raise ProblemError(Code.BAD_COMMAND, what="folder")
            case _:
                number = self._wish(command)
                return None if number is None else m.Added(number)
        return None

    def _wish(self, command: m.AnyCommand) -> int | None:
        self._library.must_leave_alone(command)
        _load_for(command, self._core.book, self._store)
        if isinstance(command, m.Remove):
            self._save()  # what may come back comes from the store
        number = self._tell(command)
        self._save()  # what was promised is saved before it is promised
        return number

    def _configure(self, command: m.Configure) -> None:
        self._preferences.change(command)
        settings = self._core.settings = self._preferences.used
        self._source.use_user_agent(user_agent(settings))
        self._outbox.settings(settings)

    def _key_set(self, value: object, problem: Problem | None, reply: Reply) -> None:
        if problem is None:
            self._tell(KeyChanged())
        reply(value, problem)

    # ---- deeds ----

    def _do(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            match deed:
                case Record():
                    self._records.append(deed)
                case LookAt() | Survey():
                    self._lookout.do(deed)
                case _:
                    self._lending.do(deed)

    def _enter_records(self) -> None:
        """All that was proved in this turn goes into the manifest with one fsync a folder."""
        records, self._records = self._records, []
        for answer in self._clerk.record(records):
            self._tell(answer)
        self._library.recorded(records)

    # ---- saving and showing ----

    def _save(self) -> None:
        book = self._core.book
        transfers, files, removed, dropped = book.changes()
        forgotten, book.forgotten = book.forgotten, []
        if transfers or files or forgotten or dropped:
            self._store.save(transfers, files, forgotten, dropped)
        if transfers or files or removed or dropped:
            self._outbox.changed(transfers, files, removed)
            self._library.transfers(transfers)
            self._marks.transfers(transfers)
        for transfer in book.transfers.values():
            if transfer.loaded and transfer.state in TRANSFER_ENDED and not book.leases_of(transfer):
                book.unload_files(transfer)

    def _shut(self) -> None:
        """The order matters: workers first, for their last news says what is safe; the queue last."""
        self._pool.close()
        for message in _rest_of(self._inbox):
            if isinstance(message, AnyNews) and message.lease > 0 and not isinstance(message, Charted):
                self._tell(message)
        self._enter_records()
        self._core.leaving.forget()
        self._save()
        for each in (self._keys, self._storages, self._labs, self._looks):
            each.close()
        self._errands.close(1.0)
        self._awake.close()
        self._source.close()
        self._store.close()
        self._hold.release()


def _load_for(command: m.AnyCommand, book: Book, store: QueueStore) -> None:
    """Ended transfers keep their files in the store until somebody turns to them again."""
    for transfer in book.transfers.values():
        if not transfer.loaded and turns_to(command, transfer):
            book.load_files(transfer, store.files(transfer.id))


def _load(book: Book, store: QueueStore) -> None:
    """What the store has, as far as it is not over."""
    book.last_file = store.last_file()
    for row in store.transfers():
        transfer = book.load(row)
        if transfer.state not in TRANSFER_ENDED:
            book.load_files(transfer, store.files(transfer.id))


def _rest_of(inbox: queue.SimpleQueue[Input | None]) -> Iterator[Input | None]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield inbox.get_nowait()


def _now() -> Moment:
    return Moment(time.monotonic(), time.time())
