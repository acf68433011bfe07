"""From ticks to files: what is ticked and not known yet is asked for, bucket by bucket, folder by folder."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from aihub_desktop.domain.faults import Problem
from aihub_desktop.domain.messages import Expand, FileList
from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.models.shelf import Folder, Tick


@dataclass(slots=True)
class Wish:
    """All below `prefix` of a bucket but the keys in `but` and what lies below the prefixes in `not_below`."""

    bucket: str
    prefix: str
    but: set[str] = field(default_factory=set)
    not_below: tuple[str, ...] = ()

    def wants(self, key: str) -> bool:
        return key not in self.but and not (self.not_below and key.startswith(self.not_below))


@dataclass(slots=True)
class Plan:
    """`known`: ticked objects by bucket; `wishes`: what has to be asked for."""

    known: dict[str, list[RemoteFile]] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)


def plan_of(root: Folder) -> Plan:
    """What the ticks of a storage mean."""
    plan = Plan()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if folder.tick is Tick.OFF:
            continue
        if folder.parent is not None and folder.rest and not folder.complete:
            plan.wishes.append(_wish(folder))
            # What is ticked in them is beneath the excluded prefixes, so they are looked at by themselves.
            waiting += [each for each in folder.folders if each.tick is Tick.PARTLY]
            continue
        waiting += folder.folders
        if folder.taken.files:
            pairs = zip(folder.entries, folder.ticks, strict=True)
            files = [each for each, on in pairs if on and isinstance(each, RemoteFile)]
            plan.known.setdefault(folder.bucket, []).extend(files)
    return plan


def whole_folders(root: Folder) -> list[tuple[str, str]]:
    """(bucket, prefix) of the topmost folders that are ticked with all that is in them, now or later."""
    found: list[tuple[str, str]] = []
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if folder.parent is not None and folder.tick is Tick.ON:
            found.append((folder.bucket, folder.prefix))
        elif folder.tick is not Tick.OFF:
            waiting += folder.folders
    return found


def _wish(folder: Folder) -> Wish:
    pairs = list(zip(folder.entries, folder.ticks, strict=True))
    but = {each.key for each, on in pairs if not on and isinstance(each, RemoteFile)}
    not_below = tuple(each.prefix for each, on in pairs if on != Tick.ON and isinstance(each, Folder))
    return Wish(folder.bucket, folder.prefix, but, not_below)


class Collecting(QObject):
    """`done` gives the files by bucket. One at a time; `cancel` drops what is under way."""

    progressed = Signal(int, int, int)  # folders looked into, of how many, objects so far
    done = Signal(dict)
    failed = Signal(Problem)

    def __init__(self, link: EngineLink, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._endpoint = ""
        self._plan: Plan | None = None
        self._at = 0

    @property
    def busy(self) -> bool:
        return self._plan is not None

    def begin(self, endpoint: str, root: Folder) -> None:
        """`done` may come at once, where all is known."""
        self._endpoint, self._plan, self._at = endpoint, plan_of(root), 0
        self._go_on(self._plan)

    def cancel(self) -> None:
        self._plan = None

    def _go_on(self, plan: Plan) -> None:
        count = sum(map(len, plan.known.values()))
        if self._at == len(plan.wishes):
            self._plan = None
            self.done.emit(plan.known)
            return
        self.progressed.emit(self._at, len(plan.wishes), count)
        wish = plan.wishes[self._at]
        self._link.ask(
            Expand(0, self._endpoint, wish.bucket, [wish.prefix]),
            FileList,
            lambda answer: self._expanded(plan, wish, answer),
            lambda problem: self._stop(plan, problem),
        )

    def _expanded(self, plan: Plan, wish: Wish, answer: FileList) -> None:
        if plan is not self._plan:
            return
        if answer.problem is not None:
            self._stop(plan, answer.problem)
            return
        files = [file for file in answer.files if wish.wants(file.key)]
        plan.known.setdefault(wish.bucket, []).extend(files)
        self._at += 1
        self._go_on(plan)

    def _stop(self, plan: Plan, problem: Problem) -> None:
        if plan is self._plan:
            self._plan = None
            self.failed.emit(problem)
