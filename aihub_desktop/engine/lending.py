"""Lends work to the workers as the core decides, once the keys that it needs are known; asks it back."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import AnyNews, Check, Ended, Failed, Gather, Rate, Receive
from aihub_desktop.domain.messages import AnyCommand, Expand, Inspect
from aihub_desktop.domain.model import S3
from aihub_desktop.domain.storage import AnyPlace, WebPlace, split_container
from aihub_desktop.engine.core import Core
from aihub_desktop.engine.deeds import Allot, Collect, Fetch, Halt, Prove
from aihub_desktop.engine.keys import Keys
from aihub_desktop.engine.labs import Labs
from aihub_desktop.engine.orders import gathering, reception
from aihub_desktop.engine.outcome import ACCESS_PROBLEMS
from aihub_desktop.engine.pool import Pool
from aihub_desktop.engine.records import LeaseKind
from aihub_desktop.engine.storages import StorageKeys
from aihub_desktop.store.learned import recall

Loan = Fetch | Collect | Prove | Halt | Allot


class Lending:
    """Lives on the engine's loop. What cannot be begun is told through `post` as `Ended`, with its problem.

    `is_eager`: what is looked at will be fetched, as at the command line.
    """

    def __init__(
        self, core: Core, pool: Pool, keys: Keys, storages: StorageKeys, labs: Labs, *, home: Path, hub: str,
        post: Callable[[Ended], None], is_eager: bool,
    ) -> None:  # fmt: skip
        self._core = core
        self._pool = pool
        self._keys = keys
        self._storages = storages
        self._labs = labs
        self._home, self._hub = home, hub
        self._post = post
        self._is_eager = is_eager

    def do(self, deed: Loan) -> None:
        match deed:
            case Fetch():
                self._keys.when_known(lambda: self._fetch(deed))
            case Collect():
                self._collect(deed)
            case Prove(lease=lease, folder=folder, files=files):
                self._begin(Check(lease, folder, files))
            case Halt(lease=lease):
                self._pool.halt(lease)
            case Allot(lease=lease, rate=rate):
                self._pool.adjust(Rate(lease, rate))

    def expect(self, command: AnyCommand) -> None:
        """Where work will come in a moment, a quarter of a second is won if a worker begins by then."""
        if self._is_eager and isinstance(command, Expand | Inspect):
            with contextlib.suppress(OSError):  # whoever needs it will tell
                self._pool.warm()

    def heard(self, news: AnyNews) -> None:
        """Keys that were not let in are looked for anew before the next lease."""
        lease = self._core.book.leases.get(news.lease)
        if lease is None or lease.kind is not LeaseKind.GATHER or not isinstance(news, Ended | Failed):
            return
        file = self._core.book.files.get(lease.held[0])
        if file is not None and file.remote.source == S3 and news.problem and news.problem.code in ACCESS_PROBLEMS:
            self._storages.refused(split_container(file.remote.dataset)[0])

    def _fetch(self, fetch: Fetch) -> None:
        lease = self._core.book.leases.get(fetch.lease)
        if lease is None or lease.halting:
            self._post(Ended(fetch.lease))
            return
        key = self._keys.current()
        if key is None:
            self._post(Ended(fetch.lease, self._keys.problem or Problem(Code.NO_KEY)))
            return
        known = recall(self._home, self._hub)  # each time, for a first contact may be made while the engine runs
        device = self._core.volumes.device_of(lease.transfer)
        self._begin(reception(fetch, self._hub, key, self._core.settings, known, share=lease.share, device=device))

    def _collect(self, collect: Collect) -> None:
        first = collect.files[0].file

        def begin(place: AnyPlace | None, problem: Problem | None) -> None:
            lease = self._core.book.leases.get(collect.lease)
            if place is None or lease is None or lease.halting:
                self._post(Ended(collect.lease, problem))
                return
            self._begin(
                gathering(
                    collect, place, self._core.settings, share=lease.share,
                    device=self._core.volumes.device_of(lease.transfer),
                    one_writer=self._core.volumes.is_slow_to_seek(lease.transfer),
                )
            )  # fmt: skip

        if first.source == S3:
            self._storages.place(split_container(first.dataset)[0], begin)
        elif first.lab:
            self._labs.place(first.lab, begin)
        else:
            begin(WebPlace(), None)

    def _begin(self, work: Receive | Gather | Check) -> None:
        try:
            self._pool.begin(work)
        except OSError as error:
            self._post(Ended(work.lease, Problem(Code.WORKER_LOST, {"why": error.strerror or type(error).__name__})))
