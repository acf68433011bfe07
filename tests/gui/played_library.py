"""A library that is played to the window by hand: drives that are away, damage, tasks that take hours."""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.holdings import HoldingRow, HoldingState, Summary, Verdict
from aihub_desktop.domain.messages import Library, LibraryChanged, TaskChanged
from aihub_desktop.domain.model import HUB, WEB, Dataset
from aihub_desktop.domain.tasks import TaskKind, TaskRow, TaskState
from aihub_desktop.gui.desk import Desk

GB: Final = 1 << 30
MOMENT: Final = 1_795_000_000.0
WHOLE, NEWER, DAMAGED, AWAY, OTHER = 1, 2, 3, 4, 5


def summary(
    key: str, title: str, files: int, size: int, proofs: dict[str, int], *, newer: int = 0, source: str = HUB
) -> Summary:
    return Summary(
        Dataset(source, key, title), 1, files, size, 0, max(1, files // 3), proofs, MOMENT - 400_000, MOMENT, newer
    )  # fmt: skip


def rows() -> list[HoldingRow]:
    """One of each kind."""
    speech = summary("71", "한국어 음성 말뭉치", 36, 47 * GB, {"archive": 30, "length": 6})
    roads = summary("188", "도로 주행 영상", 4_210, 812 * GB, {"archive": 4_210}, newer=4_210)
    labels = summary("105", "감성 대화 말뭉치", 100_000, 9 * GB, {"length": 100_000})
    plants = summary("553", "바닷가 식물 사진", 12, 120 * GB, {"archive": 12})
    model = summary("", "model-7b.safetensors", 1, 13 * GB, {"checksum": 1}, source=WEB)
    found = Verdict(MOMENT + 9_000, True, {"ok": 99_998, "missing": 1, "changed": 1, "extra": 3})
    good = Verdict(MOMENT + 5_000, True, {"ok": 36})
    gone = Problem(Code.DRIVE_MISSING, {"path": "/media/외장 하드/식물"})
    return [
        HoldingRow(
            WHOLE, "/data/AI Hub/71 한국어 음성 말뭉치", HoldingState.RIGHT, 1.0, "한국어 음성 말뭉치", speech, good
        ),
        HoldingRow(NEWER, "/data/AI Hub/188 도로 주행 영상", HoldingState.NEWER, 2.0, "도로 주행 영상", roads),
        HoldingRow(DAMAGED, "/data/AI Hub/105", HoldingState.DAMAGED, 3.0, "감성 대화 말뭉치", labels, found),
        HoldingRow(AWAY, "/media/외장 하드/식물", HoldingState.AWAY, 4.0, "바닷가 식물 사진", plants, None, gone),
        HoldingRow(OTHER, "/data/models", HoldingState.RIGHT, 5.0, "model-7b.safetensors", model),
    ]


class LibraryPlayer:
    """Says to the desk of a window what an engine would say of its library."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def begin(self) -> None:
        self._desk.library.show(Library(rows()))

    def change(self, *holdings: HoldingRow, removed: tuple[int, ...] = ()) -> None:
        self._desk.link.holdings_changed.emit(LibraryChanged(0, list(holdings), list(removed)))

    def task(
        self, kind: TaskKind = TaskKind.DEEP, state: TaskState = TaskState.RUNNING, *, folder: int = NEWER,
        problem: Problem | None = None,
    ) -> TaskRow:  # fmt: skip
        """A task of one folder, a third through."""
        held = rows()[folder - 1]
        assert held.summary is not None
        unpacks = kind is TaskKind.UNPACK
        task = TaskRow(
            7, kind, held.folder, state, MOMENT, None, held.summary.files // 3, held.summary.bytes // 3,
            held.summary.files, held.summary.bytes, "원천데이터/000/TS_000017.zip" if unpacks else "", 0, 0, 3, problem,
        )  # fmt: skip
        self._desk.link.tasks_changed.emit(TaskChanged(0, [task]))
        return task
