"""From the hub straight into object storage, where no disk is large enough.

The hub cannot send the rest of a file: after a break its stream begins anew, and parts that the storage has pass by,
compared by their hashes, and are not sent again. A file gets its name once all of it came, the tar's end was seen, and
what can be proved of it in passing was right.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aihub_desktop.domain.checkup import Learned
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Dataset, RemoteFile, Secret
from aihub_desktop.domain.names import UnsafeNameError
from aihub_desktop.domain.retry import DROPPING
from aihub_desktop.engine.orders import agent
from aihub_desktop.engine.pushing.arrival import Arrival
from aihub_desktop.engine.pushing.contents import Contents, Story, check_name
from aihub_desktop.engine.pushing.depot import Depot, Room
from aihub_desktop.engine.pushing.fate import Fate, Outcome, Progress
from aihub_desktop.engine.pushing.inparts import InParts, Means, put
from aihub_desktop.engine.pushing.record import Ending, Kept, Over, Record
from aihub_desktop.engine.pushing.request import Request, Wanted, place_of
from aihub_desktop.engine.pushing.streams import Streams
from aihub_desktop.sources.aihub.client import AIHub
from aihub_desktop.sources.place import Body
from aihub_desktop.sources.s3.multipart import USUAL_PART, part_length
from aihub_desktop.sources.s3.uploads import Stored
from aihub_desktop.transport.brake import Brake
from aihub_desktop.transport.ledger import moment
from aihub_desktop.transport.reading import Finding

_HEADER_SECONDS: Final = 180.0  # as for streams to disk
# Of these no byte that was sent is worth keeping.
_WORTHLESS: Final = DROPPING | {Code.SOURCE_BROKEN, Code.WRONG_SIZE}


@dataclass(frozen=True, slots=True)
class Passage:
    """What is to pass. `learned`: of the hub."""

    hub: str
    dataset: Dataset
    files: Sequence[RemoteFile]
    key: Secret
    learned: Learned


class Through:
    """One run. `tell` hears of each file, by any thread, never by two at once. `contents`: of a manifest that somebody
    else loads and publishes.
    """

    def __init__(
        self,
        depot: Depot,
        record: Record,
        passage: Passage,
        tell: Callable[[Fate], None],
        *,
        replace: bool = False,
        part_bytes: int = USUAL_PART,
        contents: Contents | None = None,
    ) -> None:
        files = passage.files
        self.progress = Progress(files_total=len(files), bytes_total=sum(file.size.high for file in files))
        self._depot = depot
        self._record = record
        self._passage = passage
        self._tell = tell
        self._telling = threading.Lock()
        self._replace = replace
        self._part_bytes = part_bytes
        self._contents = contents or Contents(depot, record)
        self._room = Room()
        self._spools = itertools.count()
        self._brake = Brake(depot.settings.limit)
        depot.brake.limit(0)  # what comes is what goes: one limit for both
        self._source = _source(passage, depot)
        self._streams = Streams(depot, ask=self._ask, open_stream=self._open, deliver=self._deliver, fail=self._fail)

    @property
    def received(self) -> int:
        """Bytes from the hub."""
        return self._streams.received

    def rehearse(self) -> int:
        """Tells what would be fetched and sent. Nothing is changed anywhere."""
        self._contents.load()
        for one in self._look():
            self._say(Fate(one.place, one.key, Outcome.WANTED, one.file.size.high, file_key=one.file.key))
        return 0

    def run(self) -> int:
        """How many files the manifest tells of at the end. Raises what no file can be blamed for, and STOPPED."""
        self._contents.load()
        wanted = self._look()
        self._contents.withdraw([one.place for one in wanted])
        self._pass(wanted)
        listed = self._contents.publish()
        if self._streams.fatal is not None:
            raise ProblemError.of(self._streams.fatal)
        return listed

    def outstanding(self) -> list[Wanted]:
        """What is not there, while `tell` hears of what is; nothing is begun."""
        try:
            return self._look()
        finally:
            self._source.close()

    def relay(self) -> None:
        """For whoever has the manifest, and knows that these files may be put there. Raises as `run`."""
        self._pass([one for file in self._passage.files if not self._is_there(one := self._wanted(file), None)])
        if self._streams.fatal is not None:
            raise ProblemError.of(self._streams.fatal)

    def _pass(self, wanted: list[Wanted]) -> None:
        with ThreadPoolExecutor(self._depot.settings.connections, "push") as self._hands:
            self._streams.run(wanted)
        self.progress.passed += self._streams.passed
        self._source.close()
        self._depot.must_go_on()

    def stop(self) -> None:
        """Ends what comes, soon. From any thread."""
        self._depot.stop()
        self._source.close()
        self._streams.stop()
        self._brake.release()

    # ---- what is there already ----

    def _look(self) -> list[Wanted]:
        listed = self._depot.listed()
        found = []
        for file in self._passage.files:
            self._depot.must_go_on()
            place, key = file.path, ""
            try:
                one = self._wanted(file)
                place, key = one.place, one.key
                if not self._is_there(one, listed):
                    found.append(one)
            except ProblemError as error:
                self._say(Fate(place, key, Outcome.FAILED, file_key=file.key, problem=error.problem))
        return found

    def _wanted(self, file: RemoteFile) -> Wanted:
        try:
            place = place_of(file)
        except UnsafeNameError as error:
            raise ProblemError(Code.UNSAFE_NAME, name=error.name[:300], why=error.why) from None
        check_name(place)
        return Wanted(file, place, self._depot.key_of(place))

    def _is_there(self, one: Wanted, listed: dict[str, int] | None) -> bool:
        """Whether the object is this very file, as a run before told of it. Raises OTHER_OBJECT for one that is not."""
        if listed is not None and one.key not in listed:
            return False
        stored = self._depot.persistently(lambda uploads: uploads.stored(one.key))
        if stored is None or self._record.is_doubted(one.key):
            return False
        known = self._known(one, stored)
        if known is not None:
            self._tell_of(one, Outcome.THERE, known)
            return True
        self._contents.compare(one.place, stored)
        if not self._replace:
            raise ProblemError(Code.OTHER_OBJECT, name=one.key[:300], size=stored.size)
        return False

    def _known(self, one: Wanted, stored: Stored) -> Story | None:
        """What is known of the object, if it is this file. Of a completion that nobody heard the end of, too."""
        ending = self._record.ending(one.key)
        if ending is not None and ending.fits(one.file.key, stored.size, stored.etag):
            self._record.add(ending.kept)
            return self._story(one, ending.kept)
        kept = self._record.kept(one.key)
        if kept is not None and (kept.file, kept.size, kept.etag) == (one.file.key, stored.size, stored.etag):
            return self._story(one, kept)
        story = self._contents.story(one.place)
        same = story is not None and (story.dataset, story.file_key) == (self._passage.dataset.key, one.file.key)
        return story if same and story is not None and (story.size, story.etag) == (stored.size, stored.etag) else None

    # ---- streams ----

    def _ask(self, files: Sequence[Wanted], stopped: Callable[[], bool]) -> Request:
        return Request(
            files, self._depot.settings, self._brake, parts_for=self._parts_for, spool=self._spool, stopped=stopped
        )

    def _open(self, files: Sequence[Wanted]) -> Body:
        keys = [one.file.key for one in files]
        return self._source.open_stream(self._passage.dataset, keys, self._passage.key)

    def _fail(self, files: Iterable[Wanted], problem: Problem) -> None:
        for one in files:
            begun = self._record.begun(one.key)
            if begun is not None and problem.code in _WORTHLESS:
                with contextlib.suppress(ProblemError):  # it is named at the end of the run otherwise
                    self._depot.persistently(lambda uploads, begun=begun: uploads.abort(begun.key, begun.upload))  # type: ignore[misc]
                    self._record.add(Over(begun.upload))
            size = one.file.size.high
            self._say(Fate(one.place, one.key, Outcome.FAILED, size, file_key=one.file.key, problem=problem))

    def _parts_for(self, one: Wanted) -> InParts:
        means = Means(self._depot, self._record, self._hands, self._room)
        parts = InParts(means, one.key, self.progress.moved)
        parts.open(part_length(one.file.size.high, self._part_bytes))
        return parts

    def _spool(self) -> Path:
        return self._record.spool(next(self._spools))

    def _deliver(self, one: Wanted, arrival: Arrival, finding: Finding) -> None:
        """All of it came and is right: it becomes an object. Raises `ProblemError`."""
        kept = Kept(
            one.key, finding.size, "", finding.sha256, one.file.key, finding.proof.value if finding.proof else "",
            finding.note, at=moment(),
        )  # fmt: skip
        if arrival.parts is None:
            stored = self._put(kept, arrival)
        else:
            arrival.flush()
            arrival.parts.settle()
            self._record.add(Ending(kept, arrival.parts.etag()))
            whole = arrival.parts.finish()
            stored = kept.with_etag(whole.etag, arrival.parts.proof(whole))
        self._record.add(stored)
        self._tell_of(one, Outcome.SENT, self._story(one, stored))

    def _put(self, kept: Kept, arrival: Arrival) -> Kept:
        body = arrival.body
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self._record.add(Ending(kept, etag))
        receipt = put(self._depot, self._record, kept.key, memoryview(body), kept.sha256)
        self._depot.took(len(body))
        self.progress.moved(len(body))
        return kept.with_etag(receipt.etag, receipt.proof.value if receipt.proof else "length")

    def _story(self, one: Wanted, kept: Kept) -> Story:
        return Story(
            one.place, kept.sha256, kept.size, kept.etag, one.file.source, one.file.dataset, one.file.key,
            kept.proof, kept.note, kept.stored, kept.at,
        )  # fmt: skip

    def _tell_of(self, one: Wanted, outcome: Outcome, story: Story) -> None:
        self._contents.tell(story)
        self._say(
            Fate(
                one.place, one.key, outcome, story.size, story.sha256, story.proof, story.note, story.stored,
                one.file.key,
            )
        )  # fmt: skip

    def _say(self, fate: Fate) -> None:
        self.progress.ended()
        with self._telling:
            self._tell(fate)


def _source(passage: Passage, depot: Depot) -> AIHub:
    name, seconds = agent(depot.settings)
    return AIHub(
        passage.hub,
        user_agent=name,
        connect_timeout=seconds,
        header_timeout=_HEADER_SECONDS,
        stream_key=passage.learned.stream_key is not False,
        address_again=passage.learned.address_again is True,
    )
