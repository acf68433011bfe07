"""A queue that is played to the window by hand: states that no small download stays in for long."""

from __future__ import annotations

import time

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.messages import (
    Brake,
    Changed,
    FileMap,
    FileProgress,
    FileRow,
    FileRows,
    Progress,
    Snapshot,
    TransferProgress,
    TransferRow,
)
from aihub_desktop.domain.model import S3, WEB, Dataset, Origin, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.turns import Priority
from aihub_desktop.gui.desk import Desk

GB = 1 << 30
MB = 1 << 20

BIG = 1  # the transfer whose files repeat what came before a cut
HELD = 2  # the one that has no room
SHELF, UNSIZED, DENIED, EXPIRED = 11, 12, 13, 14  # those that are not the hub's


def transfer(
    number: int,
    state: TransferState,
    *,
    title: str = "한국어 음성 말뭉치",
    here: int = 0,
    whole: int = 47 * GB,
    running: int = 0,
    problem: Problem | None = None,
    finishing: bool = False,
    received: int = 0,
    again: int = 0,
    priority: Priority = Priority.NORMAL,
) -> TransferRow:
    dataset = Dataset("aihub", str(70 + number), title)
    return TransferRow(
        number, dataset, f"/data/AI Hub/{70 + number}", state, problem, 36, 21, 0, 0, running, here,
        whole - GB, whole + GB, received, again, 1.0, None, finishing, rank=number, priority=priority,
    )  # fmt: skip


def file(number: int, name: str, here: int, whole: int, problem: Problem | None = None) -> FileRow:
    remote = RemoteFile("aihub", "71", str(number), f"원천데이터/{name}", SizeRange(whole, whole, ""))
    return FileRow(
        number, BIG, remote, f"원천데이터/{name}", FileState.FETCHING, here, whole, "", "", problem, 1, None
    )  # fmt: skip


FILES = [
    file(1, "TS_01.zip", round(7.5 * GB), 12 * GB, Problem(Code.CUT)),
    file(2, "TS_02.zip", 5 * GB, 9 * GB),
]


def _gigabytes(*borders: float) -> list[tuple[int, int]]:
    ends = [round(border * GB) for border in borders]
    return list(zip(ends[::2], ends[1::2], strict=True))


# The first of the files, as if it came over three connections.
RANGES = FileMap(
    0, 1, 12 * GB, _gigabytes(0, 3.1, 4, 6.5, 8, 8.7), _gigabytes(3.1, 3.2, 6.5, 6.6, 8.7, 8.75),
    _gigabytes(3.2, 4, 6.6, 8, 8.75, 12), 3 * GB,
)  # fmt: skip


def running(*, finishing: bool = False) -> TransferRow:
    state = TransferState.PAUSED if finishing else TransferState.RUNNING
    return transfer(
        BIG, state, here=31 * GB, running=2, finishing=finishing, received=38 * GB, again=round(4.1 * GB)
    )  # fmt: skip


def progress(
    brake: Brake = Brake.NONE, *, unfinished: int = round(12.5 * GB), streams: int = 2, starts_at: float | None = None
) -> Progress:
    moving = [TransferProgress(BIG, 31 * GB, 38 * GB, round(4.1 * GB), 6.2 * MB, 2900.0, unfinished, (2300, 3500))]
    files = [
        FileProgress(1, BIG, round(7.5 * GB), round(3.2 * GB), 3.2 * MB, round(7.5 * GB)),
        FileProgress(2, BIG, 5 * GB, 0, 3.0 * MB),
    ]
    rate = 6.2 * MB if streams else 0.0
    return Progress(
        0, rate, moving if streams else [], files if streams else [], brake, streams, 4, starts_at, between=(5200, 8100)
    )


def in_the_evening() -> float:
    """Today at 19:00, local time."""
    now = time.localtime()
    return time.mktime((*now[:3], 19, 0, 0, 0, 0, -1))


def elsewhere() -> list[TransferRow]:
    """Transfers that are not the hub's."""
    naver, web = "https://kr.object.ncloudstorage.com/speech-corpus", "https://data.example.ac.kr/old"
    denied = Problem(Code.NO_ACCESS, {"host": "closed.example.com"})
    expired = Problem(Code.ADDRESS_EXPIRED, {"host": "bucket.s3.example.com"})

    def row(number: int, dataset: Dataset, state: TransferState, problem: Problem | None = None) -> TransferRow:
        size = 0 if number == UNSIZED else 12 * GB
        return TransferRow(
            number, dataset, f"/data/AI Hub/{number}", state, problem, 3, 1, 0, 0, 1, 3 * GB, size, size, 3 * GB, 0,
            1.0, None,
        )  # fmt: skip

    return [
        row(SHELF, Dataset(S3, naver, "speech-corpus/음성/2024"), TransferState.RUNNING),
        row(UNSIZED, Dataset(WEB, "", "stream.ndjson"), TransferState.RUNNING),
        row(
            DENIED, Dataset(S3, "https://closed.example.com/mirror", "mirror/models"), TransferState.NEEDS_USER, denied
        ),
        row(EXPIRED, Dataset(WEB, web, "model.bin"), TransferState.NEEDS_USER, expired),
    ]


def elsewhere_files() -> list[FileRow]:
    """Of the transfer SHELF: one proved by its checksum, one by its length alone, one that comes."""

    def row(number: int, name: str, here: int, state: FileState, proof: str = "") -> FileRow:
        size = SizeRange.exactly(4 * GB)
        remote = RemoteFile(S3, "https://kr.object.ncloudstorage.com/speech-corpus", name, name, size, origin=Origin())
        return FileRow(number, SHELF, remote, name, state, here, None, "", proof, None, 1, None)

    return [
        row(1, "음성/2024/part-00001.wav", 4 * GB, FileState.DONE, Proof.CHECKSUM),
        row(2, "음성/2024/part-00002.wav", 4 * GB, FileState.DONE, Proof.LENGTH),
        row(3, "음성/2024/part-00003.wav", GB, FileState.FETCHING),
    ]


class Player:
    """Says to the desk of a window what an engine would say."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def begin(self, rows: list[TransferRow], settings: Settings | None = None) -> None:
        """A snapshot, with the files of the transfer BIG."""
        self._desk.link.snapshot.emit(Snapshot(0, rows, settings or Settings(), self._desk.hub))
        self._desk.queue.add_rows(BIG, 0, FileRows(list(FILES), len(FILES)))

    def change(self, *rows: TransferRow, settings: Settings | None = None) -> None:
        self._desk.link.changed.emit(Changed(0, list(rows), settings=settings))

    def progress(self, event: Progress) -> None:
        self._desk.link.progressed.emit(event)

    def elsewhere(self) -> None:
        """The files of the transfer SHELF, and what moves of those that are not the hub's."""
        files = elsewhere_files()
        self._desk.queue.add_rows(SHELF, 0, FileRows(files, len(files)))
        moving = [
            TransferProgress(SHELF, 9 * GB, 9 * GB, 0, 84.0 * MB, 36.0, 5 * GB),
            TransferProgress(UNSIZED, 3 * GB, 3 * GB, 0, 11.0 * MB, None, 3 * GB),
        ]
        reports = [FileProgress(3, SHELF, GB, 0, 84.0 * MB)]
        self._desk.link.progressed.emit(Progress(0, 95.0 * MB, moving, reports, Brake.NONE, 8, 8))
