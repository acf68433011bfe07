"""`aihub sync --dask … --to s3://…`: the workers of a cluster send a batch straight through into object storage."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.batches import listed
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit, exit_of, worst
from aihub_desktop.cli.listing import records, table, total, total_text
from aihub_desktop.cli.pushing import must_stay_here, way
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.rounds import Outcome, SyncOrder
from aihub_desktop.cli.run import Batch, Find, Found, Watch, to_its_end
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.spread import Spreading, for_workers
from aihub_desktop.cli.tally import Tally
from aihub_desktop.cluster.bucket import Bucket, Consignment
from aihub_desktop.cluster.crew import Crew
from aihub_desktop.cluster.flow import Flow, cap
from aihub_desktop.cluster.ground import Ground
from aihub_desktop.cluster.orders import Entrance
from aihub_desktop.domain.batchfile import BatchFile
from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.model import RemoteFile, Secret
from aihub_desktop.engine.pushing.contents import MANIFEST, Contents
from aihub_desktop.engine.pushing.fate import Fate
from aihub_desktop.engine.pushing.fate import Outcome as Fared
from aihub_desktop.engine.pushing.front import USUAL_PART, recall
from aihub_desktop.engine.pushing.through import Passage, Through
from aihub_desktop.engine.serve import LocalEngine


def must_be_for_storage(console: Console, batch: BatchFile) -> None:
    """Raises `UsageError` for a batch of which a storage can have only a part."""
    if batch.addresses:
        raise UsageError(console.words.say("cli.sync.dask.only-datasets"))
    if batch.unpack:
        raise UsageError(console.words.say("cli.get.not-for-storage", name="unpack"))


class Crossing:
    """One round, as `rounds.Round` is one; `outcome` tells of it."""

    def __init__(
        self, session: Session, args: argparse.Namespace, order: SyncOrder, batch: BatchFile, outcome: Outcome
    ) -> None:  # fmt: skip
        self._session, self._args, self._order, self._batch = session, args, order, batch
        self._console = session.console
        self._stale: Sequence[Problem] = ()
        self.outcome = outcome

    def run(self) -> Exit:
        """Raises `ProblemError` and `UsageError` where nothing could be begun, LEAVES_KOREA among them."""
        must_be_for_storage(self._console, self._batch)
        with way(self._session, self._args, self._order.address) as found:
            if not self._order.dry_run:
                # Once and here: no worker is asked, and none can answer.
                must_stay_here(self._console, found.depot, yes=self._order.yes, is_of_hub=True)
            self._way, self._contents = found, Contents(found.depot, found.record)
            self._contents.load()
            try:
                run = _Sending(self._session, self._order, self._find, self._watch, self._consign)
                ended = to_its_end(run)
            finally:
                if not self._order.dry_run:
                    self._publish()
        return worst([ended, *(exit_of(problem.code) for problem in self._stale)])

    def _publish(self) -> None:
        if listed := self._contents.publish():
            address = f"{self._way.address}{MANIFEST}"
            self._console.say("push.manifest", address=address, n=listed)

    def _watch(self, tally: Tally) -> None:
        self.outcome.tally = tally

    def _consign(self, crew: Crew, hub: str, settings: dict[str, int | float | str]) -> Ground:
        found = self._way
        entrance = Entrance(hub, found.storage, found.depot.bucket, found.depot.prefix)
        consignment = Consignment(
            entrance=entrance, settings=settings, part_bytes=self._args.part_size or USUAL_PART,
            patience=self._order.patience, learned=recall(self._session.home, hub),
        )  # fmt: skip
        return Bucket(crew, consignment, found.depot, found.record, self._contents)

    # ---- what is there already ----

    def _find(self, engine: LocalEngine) -> Found:
        listing = listed(self._session, engine, self._batch)
        self._stale = listing.stale
        refused, batches = list(listing.refused), []
        for batch in listing.batches:
            lacking = self._lacking(batch, refused)
            batches += [batch._replace(files=lacking)] if lacking else []
        outcome = self.outcome
        outcome.wished = sum(len(batch.files) for batch in listing.batches)
        outcome.lacking, outcome.refused = sum(len(batch.files) for batch in batches), refused
        if not outcome.lacking:
            self._console.say("cli.sync.in-step", n=outcome.wished)
        return Found(batches, refused)

    def _lacking(self, batch: Batch, refused: list[Refusal]) -> list[RemoteFile]:
        def hear(fate: Fate) -> None:
            if fate.outcome is Fared.THERE:
                self.outcome.right += 1
            elif fate.problem is not None:
                refused.append(Refusal(fate.path, fate.problem))

        # The key is the workers' own; a look at the storage takes none.
        passage = Passage(
            self._session.hub, batch.dataset, batch.files, Secret(""), recall(self._session.home, self._session.hub)
        )
        found = self._way
        looking = Through(
            found.depot, found.record, passage, hear, replace=self._args.replace, contents=self._contents
        )  # fmt: skip
        wanted = looking.outstanding()
        if not self._order.dry_run:
            self._contents.withdraw([one.place for one in wanted])
        return [one.file for one in wanted]


class _Sending(Spreading):
    """What is said of it is what is said of any batch that workers receive."""

    def __init__(
        self, session: Session, order: SyncOrder, find: Find, watch: Watch,
        consign: Callable[[Crew, str, dict[str, int | float | str]], Ground],
    ) -> None:  # fmt: skip
        super().__init__(session, order, find, watch)
        self._consign, self._address_of_storage = consign, order.address

    def _rehearse(self, engine: LocalEngine, found: Found) -> Exit:
        if self._order.json:
            records(self.console, found.files)
        else:
            table(self.console, found.files)
        return Exit.DONE

    def _say_plan(self, engine: LocalEngine, found: Found) -> None:
        for batch in found.batches:
            self.console.say(
                "cli.get.plan", title=batch.dataset.title or batch.dataset.key, n=len(batch.files),
                size=total_text(self.console.words, total(batch.files)), folder=self._address_of_storage,
            )  # fmt: skip

    def _blocked(self, files: list[RemoteFile]) -> dict[int, Problem]:
        return {}  # that was found out at the storage

    def _flow(self) -> Flow:
        """A limit is shared out once, between as many as there may ever be: nobody tells workers of another."""
        settings = self._settings
        most = cap(settings.limit, settings.slowest_stream)
        return Flow(settings.spread, total=self._at_most(), each=settings.parallel, cap=most)

    def _at_most(self) -> int:
        """Tasks at once, 0 for as many as there are workers for."""
        return self._order.parallel or (self._settings.parallel if self._settings.limit else 0)

    def _ground(self, crew: Crew) -> Ground:
        settings = for_workers(self._settings)
        most = cap(self._settings.limit, self._settings.slowest_stream)
        tasks = min((bound for bound in (self._at_most(), most) if bound), default=1)
        return self._consign(crew, self._hub, {**settings, "limit": self._settings.limit // tasks})

    def _afterwards(self, engine: LocalEngine, tally: Tally) -> None:
        """No folder of the library has got anything."""
