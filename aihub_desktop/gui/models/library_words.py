"""What the library's cells say, and the lines about one folder."""

from __future__ import annotations

import os
import time
from enum import IntEnum
from typing import Final

from aihub_desktop.domain.holdings import HeldFile, HoldingRow, HoldingState, Summary, Verdict
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import HUB
from aihub_desktop.domain.states import FileState
from aihub_desktop.domain.tasks import TaskKind, TaskRow, TaskState
from aihub_desktop.system.words import Words

# In the order in which they are told: what says most comes first.
_PROOFS: Final = (*(proof.value for proof in Proof), "")


class Column(IntEnum):
    NAME = 0
    SIZE = 1
    FILES = 2
    WHEN = 3
    PROOF = 4
    STATE = 5


class FileColumn(IntEnum):
    NAME = 0
    SIZE = 1
    PROOF = 2
    FOUND = 3


HEADERS: Final = tuple(f"gui.library.column.{column.name.lower()}" for column in Column)
FILE_HEADERS: Final = tuple(f"gui.library.column.{name}" for name in ("file", "size", "proof", "found"))


class LibraryWords:
    """The texts of one language."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def header(self, column: int) -> str:
        return self._words.say(HEADERS[column])

    def file_header(self, column: int) -> str:
        return self._words.say(FILE_HEADERS[column])

    # ---- cells ----

    def text(self, row: HoldingRow, task: TaskRow | None, column: int) -> str:
        summary = row.summary
        if column == Column.NAME:
            return self.title(row)
        if column == Column.STATE:
            return self.state(row, task)
        return "" if summary is None else self._number(summary, column)

    def _number(self, summary: Summary, column: int) -> str:
        match column:
            case Column.SIZE:
                return self._words.size(summary.bytes)
            case Column.FILES:
                return f"{summary.files:,}"
            case Column.WHEN:
                return self._day(summary.last_at)
            case _:
                return self._proofs(summary)

    def title(self, row: HoldingRow) -> str:
        """Of the dataset; of its folder, where nobody knows it."""
        title = row.title or os.path.basename(row.folder.rstrip("/\\")) or row.folder
        if row.summary is not None and row.summary.datasets > 1:
            return self._words.say("gui.library.others", title=title, n=row.summary.datasets - 1)
        return title

    def state(self, row: HoldingRow, task: TaskRow | None) -> str:
        if task is not None and task.state in (TaskState.RUNNING, TaskState.WAITING):
            return self._short_task(task)
        return self._words.say(f"gui.library.state.{row.state}", **self._facts(row))

    @staticmethod
    def _facts(row: HoldingRow) -> dict[str, int]:
        is_counted = row.state is HoldingState.DAMAGED and row.verdict is not None
        return {"n": row.verdict.damaged} if is_counted and row.verdict else {}

    def _short_task(self, task: TaskRow) -> str:
        if task.state is TaskState.WAITING:
            return self._words.state(FileState.WAITING)
        text = self._words.say(f"gui.library.task.{task.kind}")
        share = share_of(task)
        return text if share is None else self._words.say("gui.library.task.share", task=text, percent=f"{share:.0%}")

    def _proofs(self, summary: Summary) -> str:
        found = [proof for proof in _PROOFS if summary.proofs.get(proof)]
        if len(found) == 1:
            return self._proof(found[0])
        return ", ".join(
            self._words.say("gui.library.proof.some", proof=self._proof(proof), n=summary.proofs[proof])
            for proof in found
        )

    def _proof(self, proof: str) -> str:
        return self._words.say(f"gui.library.proof.{proof or 'none'}")

    def _day(self, at: float | None) -> str:
        return "" if at is None else time.strftime("%Y-%m-%d", time.localtime(at))

    def spoken(self, row: HoldingRow, task: TaskRow | None, column: int) -> str:
        text = self.text(row, task, column)
        if column != Column.NAME:
            return self._words.say("gui.library.spoken-cell", column=self._words.say(HEADERS[column]), text=text)
        size = self.text(row, task, Column.SIZE)
        return self._words.say("gui.library.spoken", name=text, state=self.state(row, task), size=size)

    # ---- the lines about one folder ----

    def about(self, row: HoldingRow) -> str:
        """What it is, how much, and when it came."""
        summary = row.summary
        if summary is None:
            return self._words.say("gui.library.reading")
        say = self._words.say
        parts = [say("gui.library.about.place", number=summary.dataset.key)] if summary.dataset.source == HUB else []
        parts.append(say("gui.library.about.files", n=summary.files, size=self._words.size(summary.bytes)))
        first, last = self._day(summary.first_at), self._day(summary.last_at)
        if last:
            same = first == last
            parts.append(
                say("gui.library.about.when-one", last=last) if same else
                say("gui.library.about.when", first=first, last=last)
            )  # fmt: skip
        return " · ".join(parts)

    def proved(self, row: HoldingRow) -> str:
        """How the files were proved when they came, and what the last verification found."""
        summary, say = row.summary, self._words.say
        lines = []
        if summary is not None and summary.files:
            counts = {self._words.proof(proof) or self._proof(""): summary.proofs.get(proof, 0) for proof in _PROOFS}
            proofs = [say("gui.library.proof.some", proof=name, n=count) for name, count in counts.items() if count]
            lines.append(say("gui.library.about.proved", proofs=", ".join(proofs)))
        lines.append(say("gui.library.about.unverified") if row.verdict is None else self._verified(row.verdict))
        return "\n".join(lines)

    def _verified(self, verdict: Verdict) -> str:
        say = self._words.say
        told = [
            say("gui.library.found.count", found=say(f"gui.library.found.{finding}"), n=count)
            for finding, count in verdict.counts.items()
            if count and finding != "ok"
        ]
        kind = say("gui.library.about.deep" if verdict.deep else "gui.library.about.quick")
        result = ", ".join(told) or say("gui.library.about.good")
        return say("gui.library.about.verified", at=self._words.moment(verdict.at), kind=kind, result=result)

    def warning(self, row: HoldingRow) -> str:
        """What a person should know before anything else; "" for nothing."""
        say, summary = self._words.say, row.summary
        match row.state:
            case HoldingState.AWAY:
                return say("gui.library.about.away")
            case HoldingState.GONE:
                return say("gui.library.about.gone")
            case HoldingState.UNREADABLE if row.problem is not None:
                return " ".join(self._words.problem(row.problem))
            case _ if summary is not None and summary.newer:
                return say("gui.library.about.newer", n=summary.newer)
        return ""

    # ---- tasks ----

    def task(self, task: TaskRow) -> str:
        """How far it is, or what came of it."""
        say = self._words.say
        match task.state:
            case TaskState.WAITING | TaskState.STOPPED:
                return say(f"gui.library.task.{task.state}")
            case TaskState.RUNNING:
                return self._running(task)
            case TaskState.FAILED if task.problem is not None:
                return say("gui.library.task.failed", problem=self._words.problem(task.problem).title)
        return self._done(task)

    def _done(self, task: TaskRow) -> str:
        say = self._words.say
        match task.kind:
            case TaskKind.ADOPT:
                missing = "" if task.stock is None or task.stock.transfer else task.stock.missing or ""
                return say("gui.library.task.adopted", n=task.files, refused=task.refused or "", missing=missing)
            case TaskKind.UNPACK:
                return say(
                    "gui.library.task.unpacked", n=task.archives, entries=task.files, refused=task.refused or ""
                )  # fmt: skip
        return ""

    def _running(self, task: TaskRow) -> str:
        say = self._words.say
        name = say(f"gui.library.task.{task.kind}")
        done = self._words.size(task.bytes) if task.bytes else ""
        if task.kind is TaskKind.UNPACK:
            n = f"{task.files_total:,}" if task.files_total else ""
            place = task.place.rpartition("/")[2]
            return say("gui.library.task.entries", task=name, place=place, n=n, at=f"{task.files:,}", size=done)
        if not task.files_total:  # nobody knows how many there are
            return say("gui.library.task.looking", task=name, at=f"{task.files:,}")
        return say(
            "gui.library.task.files", task=name, n=f"{task.files_total:,}", at=f"{task.files:,}", size=done
        )  # fmt: skip

    # ---- files ----

    def file_text(self, file: HeldFile, column: int) -> str:
        match column:
            case FileColumn.NAME:
                return file.place
            case FileColumn.SIZE:
                return "" if file.size is None else self._words.size(file.size)
            case FileColumn.PROOF:
                proof = self._words.proof(file.proof, file.note)
                return f"{proof[:1].upper()}{proof[1:]}" or self._proof("")
            case _:
                return self._words.say(f"gui.library.found.{file.finding}") if file.finding else ""

    def file_spoken(self, file: HeldFile, column: int) -> str:
        text = self.file_text(file, column)
        if column == FileColumn.NAME:
            return text
        return self._words.say("gui.library.spoken-cell", column=self.file_header(column), text=text)

    def file_tip(self, file: HeldFile) -> str:
        lines = [file.place, f"SHA-256 {file.sha256}" if file.sha256 else "", file.at.replace("T", " ")[:16]]
        return "\n".join(line for line in lines if line)


def share_of(task: TaskRow) -> float | None:
    """How much of a task is done, 0 to 1; None where that is not known."""
    here, whole = (task.bytes, task.bytes_total) if task.bytes and task.bytes_total else (task.files, task.files_total)
    return min(0.999, here / whole) if whole else None
