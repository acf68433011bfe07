"""Takes over what a survey found: each file is proved, gets its place, and then its line in the ledger.

    in its place        read once, proved, recorded; not touched
    elsewhere           copied into NAME.part, proved, named; with `move` proved where it lies, then renamed
    pieces, tars        joined into NAME.part, proved, named; the originals stay
    mis-merged          its pieces in the right order into NAME.part, proved; the bad file becomes NAME.bad, then named
    wrong, in the way   with `set_aside` it becomes NAME.bad, last of all, so that the right one can be fetched

In this order of writing: bytes, journal, proof, the journal's last line, final name, ledger, journal gone. Ended
anywhere, the same call again goes on. Nothing that was found is changed or removed but as `Ways` allow; a mis-merged
file gets another name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from aihub_desktop.archives.volumes import UnreadableError
from aihub_desktop.disk.files import disk_error, make_folders
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.adoption import Fate, State
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.leases import WorkFile
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.holdings.copying import Steps
from aihub_desktop.holdings.evidence import Evidence
from aihub_desktop.holdings.fates import Ready, RefusedError, Told, Ways, is_of_all
from aihub_desktop.holdings.finds import ADOPTABLE, Find, Survey
from aihub_desktop.holdings.placing import Placing
from aihub_desktop.holdings.proving import Proving
from aihub_desktop.transport.reconcile import sweep


class Adoption:
    """Carries a survey out, in the calling thread. `report` hears of each file that could be adopted, once; `steps`
    of the bytes that were read.
    """

    def __init__(
        self,
        survey: Survey,
        report: Callable[[Told], None],
        steps: Steps = Steps(),  # noqa: B008 - frozen
        ways: Ways = Ways(),  # noqa: B008 - frozen
    ) -> None:
        self._survey = survey
        self._ways = ways
        self._hear = report
        self._fates: dict[int, Fate] = {}  # by the file's id
        self._steps = steps
        self._finds = survey.by_work()
        self._target = Target(survey.target)
        self._proving = Proving(survey, self._target, steps, ways)
        self._placing = Placing(self._target, self._report, drop_broken=ways.drop_broken)

    def run(self) -> None:
        """Raises `ProblemError` for what concerns the whole disk, `StoppedError`; what was adopted until then stays."""
        try:
            make_folders(self._target.folder)
        except OSError as error:
            raise disk_error(error, self._target.folder) from error
        recorded = self._survey.recorded()
        # A run that was ended right behind the ledger's line has left journals.
        sweep(self._target.folder, [work for work in self._survey.works if work.id in recorded])
        try:
            for unit in self._units():
                self._steps.go_on()
                if len(unit) > 1:
                    self._adopt_set(unit)
                else:
                    self._adopt(unit[0])
        finally:
            self._placing.flush()
        if self._ways.set_aside:
            self._set_aside()

    def _report(self, told: Told) -> None:
        self._fates[told.work.id] = told.fate
        self._hear(told)

    def _set_aside(self) -> None:
        """What was found wrong gives up the name of the right file, which could not be fetched otherwise."""
        for find in self._survey.finds:
            if find.in_place and find.work is not None and is_wrong(find, self._fates.get(find.work.id)):
                self._placing.set_aside(find.work)

    def _units(self) -> Iterator[tuple[WorkFile, ...]]:
        """Files that are proved together: the volumes of a set that is all here, else each by itself."""
        works = {work.id: work for work in self._survey.works}
        here = self._survey.recorded() | set(self._finds)
        sets = whole_sets((id_, work.place) for id_, work in works.items())
        seen: set[int] = set()
        for id_ in works:
            if id_ in seen or id_ not in self._finds:
                continue
            unit = sets.get(id_, (id_,))
            if not all(one in here for one in unit):
                unit = (id_,)
            seen.update(unit)
            yield tuple(works[one] for one in unit)

    def _adopt(self, work: WorkFile) -> None:
        """The first find that is right; what is told otherwise is why the last one is not."""
        refused = Told(work, Fate.FAILED, "")
        for find in self._finds[work.id]:
            ready = self._read_in_order(work, find)
            told = ready if isinstance(ready, Told) else self._place(ready, ready.evidence)
            if told is None:
                return
            refused = told
        self._report(refused)

    def _read_in_order(self, work: WorkFile, find: Find) -> Ready | Told:
        """Where it cannot be what its name says, its pieces may be in the wrong order."""
        ready = self._read(work, find, alone=True)
        if isinstance(ready, Told):
            order = self._put_right(find, None) if ready.fate is Fate.DAMAGED else None
        elif (order := self._put_right(find, ready.evidence)) is not None:
            ready.give_up()
        return ready if order is None else self._read(work, order, alone=True)

    def _put_right(self, find: Find, evidence: Evidence | None) -> Find | None:
        try:
            return self._proving.put_right(find, evidence)
        except UnreadableError:
            return None

    def _adopt_set(self, unit: Sequence[WorkFile]) -> None:
        """Of each volume the best find only: a set has too many combinations of the others."""
        readies: list[Ready] = []
        try:
            refused: list[Told] = []
            for work in unit:
                if work.id in self._finds:  # else it was recorded before
                    read = self._read(work, self._finds[work.id][0], alone=False)
                    if isinstance(read, Ready):
                        readies.append(read)
                    else:
                        refused.append(read)
            try:
                proved = {} if refused else self._proving.prove_set(unit, readies)
            except UnreadableError as error:  # by now: the other files may be read
                refused += [_told(ready.work, ready.find, error) for ready in readies]
            else:
                refused += self._place_all(readies, proved)
        finally:
            for ready in readies:
                ready.let_go()
        for told in refused:
            self._report(told)

    def _place_all(self, readies: Sequence[Ready], proved: Mapping[int, Evidence | None]) -> list[Told]:
        """Those that were refused."""
        told = [self._place(ready, proved.get(ready.work.id, ready.evidence)) for ready in readies]
        return [one for one in told if one is not None]

    def _read(self, work: WorkFile, find: Find, *, alone: bool) -> Ready | Told:
        try:
            return self._proving.read(work, find, alone=alone)
        except (RefusedError, ProblemError) as error:
            return _told(work, find, error)

    def _place(self, ready: Ready, evidence: Evidence | None) -> Told | None:
        """None if it was adopted, else why not. Without evidence it is damaged."""
        try:
            if evidence is None:
                raise RefusedError(Fate.DAMAGED)
            self._proving.judge(ready, evidence, self._finds[ready.work.id])
            self._placing.place(ready, evidence, may_clear=self._proving.may_clear(ready.work))
        except (RefusedError, ProblemError) as error:
            told = _told(ready.work, ready.find, error)  # first: a full disk keeps what was copied
            ready.give_up()
            return told
        finally:
            ready.let_go()
        return None


def is_wrong(find: Find, fate: Fate | None) -> bool:
    """Whether this is surely not the file whose name it has. `fate`: of that file, None before it is known."""
    if fate is Fate.ADOPTED:
        return False
    proved_wrong = find.state in ADOPTABLE and fate in (Fate.DAMAGED, Fate.CHANGED)
    return proved_wrong or find.state in (State.DAMAGED, State.FOREIGN)


def _told(work: WorkFile, find: Find, error: RefusedError | ProblemError) -> Told:
    """Raises `error` again where it concerns the whole disk."""
    if isinstance(error, ProblemError):
        if is_of_all(error):
            raise error
        error = RefusedError.of(error)
    return Told(work, error.fate, find.path, problem=error.problem)
