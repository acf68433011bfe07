"""An adoption that is played to its dialog by hand: of a dataset that no test can hold."""

from __future__ import annotations

from typing import Final

from aihub_desktop.domain.adoption import AdoptWish, Fate, FoundFile, Lot, Origin, State, Stock, Sum
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.model import HUB, Dataset
from aihub_desktop.domain.tasks import TaskKind, TaskRow, TaskState
from aihub_desktop.gui.adopt_dialog import AdoptDialog
from aihub_desktop.gui.takeover import Phase

GB: Final = 1 << 30
MB: Final = 1 << 20
FOLDER: Final = "/data/받은 것/한국어 음성 말뭉치"
SPEECH: Final = Dataset(HUB, "71", "한국어 음성 말뭉치")
DATASETS: Final = [
    Dataset(HUB, "188", "도로 주행 영상"), Dataset(HUB, "86", "감성 대화 말뭉치"), SPEECH,
    Dataset(HUB, "553", "바닷가 식물 사진"), Dataset(HUB, "105", "한국어 방언 발화 (경상도)"),
    Dataset(HUB, "576", "뉴스 기사 기계독해 데이터"), Dataset(HUB, "71265", "다화자 음성합성 데이터"),
]  # fmt: skip
_WHERE: Final = "1.Training/원천데이터"


def found(name: str, lot: Lot, state: State, size: int, path: str = "", **more: object) -> FoundFile:
    place = f"{_WHERE}/{name}"
    origin = {Lot.JOINED: Origin.TAR if "tar" in path else Origin.PIECES}.get(lot, Origin.FILE)
    return FoundFile(place, path or place, origin, state, lot, size, **more)  # type: ignore[arg-type]


def finds() -> list[FoundFile]:
    rows = [
        found("TS_07.zip", Lot.WRONG, State.FOREIGN, 31 * MB, bars=True),
        found("TS_04.zip", Lot.PARTIAL, State.PARTIAL, 3 * GB, f"{_WHERE}/TS_04.zip.part*"),
        found("TS_05.zip", Lot.MISJOINED, State.MISJOINED, 12 * GB),
        found("TS_06.zip", Lot.JOINED, State.WHOLE, 5 * GB, f"{_WHERE}/TS_06.zip.part*"),
        found("TS_08.zip", Lot.JOINED, State.WHOLE, 900 * MB, "download.tar"),
        found("VL_01.zip", Lot.ELSEWHERE, State.WHOLE, 81 * MB, "VL_01 (1).zip", is_movable=True),
    ]
    rows += [found(f"TS_{number:02}.zip", Lot.IN_PLACE, State.WHOLE, 2 * GB + number * MB) for number in range(9, 30)]
    return [*rows, found("TL_01.zip", Lot.RECORDED, State.RECORDED, 44 * MB)]


def stock(transfer: int = 0) -> Stock:
    lots: dict[str, Sum] = {}
    for one in finds():
        before = lots.get(one.lot, Sum(0, 0))
        lots[one.lot] = Sum(before.files + 1, before.bytes + one.size)
    return Stock(SPEECH, 36, lots, Sum(1, 81 * MB), 1, 8, 21 * GB, 22 * GB, 0, transfer)


def row(kind: TaskKind, state: TaskState, of: Stock | None = None) -> TaskRow:
    return TaskRow(5, kind, FOLDER, state, 1.0, None, 17, 38 * GB, 26, 61 * GB, refused=1, stock=of)


def play(dialog: AdoptDialog, phase: Phase, *, problem: Problem | None = None, free: int = 500 * GB) -> None:
    """Shows a step as it would come."""
    takeover = dialog.takeover
    takeover.wish = AdoptWish(FOLDER, "71", set_aside=True, rest=True)
    takeover.phase, takeover.problem, takeover.free = phase, problem, free
    match phase:
        case Phase.LOOKING:
            takeover.row = TaskRow(5, TaskKind.SURVEY, FOLDER, TaskState.RUNNING, 1.0, None, 3_217)
        case Phase.FOUND:
            takeover.row, takeover.finds = row(TaskKind.SURVEY, TaskState.DONE, stock()), finds()
        case Phase.ADOPTING:
            takeover.row = row(TaskKind.ADOPT, TaskState.RUNNING)
        case Phase.OVER:
            takeover.row, takeover.finds = row(TaskKind.ADOPT, TaskState.DONE, stock(9)), _told()
        case Phase.CHOOSING:
            takeover.row = None
    takeover.changed.emit()


def _told() -> list[FoundFile]:
    taken = (Lot.IN_PLACE, Lot.ELSEWHERE, Lot.JOINED, Lot.MISJOINED)
    refused = found("TS_06.zip", Lot.JOINED, State.WHOLE, 5 * GB, fate=Fate.UNPROVED)
    failed = found("TS_09.zip", Lot.IN_PLACE, State.WHOLE, 2 * GB, fate=Fate.FAILED, problem=Problem(Code.DISK_ERROR))
    rest = [
        found(one.place.rpartition("/")[2], one.lot, one.state, one.size, one.path, bars=one.bars,
              fate=Fate.ADOPTED if one.lot in taken else None)
        for one in finds()
        if one.place not in (refused.place, failed.place)
    ]  # fmt: skip
    return [refused, failed, *rest]
