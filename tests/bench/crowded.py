"""The window with 100,000 rows in its queue, of which 50 move, while somebody scrolls and filters: memory and lateness.

python -m tests.bench.crowded [TRANSFERS] [FILES] [SECONDS] [--filter] [--move]      prints one line of JSON

What the engine would say is played: it is the window's own work that is measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything of Qt is imported
os.environ["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent"  # nobody's keychain is asked

from gui.lateness import Lateness
from gui.stage import wait_until
from PySide6.QtCore import QTimer

from aihub_desktop.domain.messages import (
    Changed,
    FileProgress,
    FileRow,
    FileRows,
    Progress,
    Rows,
    Snapshot,
    TransferProgress,
    TransferRow,
)
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.settings import Settings
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.gui import theme
from aihub_desktop.gui.app import application
from aihub_desktop.gui.desk import Desk
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.models.queue_filter import Kind, QueueFilter
from aihub_desktop.gui.side_bar import Place
from aihub_desktop.gui.window import Window
from aihub_desktop.system.words import Words

from .figures import percentile

MOVING = 50
PAGE = 1000
GB = 1 << 30
RANKS: dict[int, int] = {}  # of files that were moved


def transfer(number: int, files: int) -> TransferRow:
    state = TransferState.RUNNING if number <= MOVING else TransferState.QUEUED
    dataset = Dataset("aihub", str(70_000 + number), f"데이터셋 {number} 음성 인식 말뭉치")
    return TransferRow(
        number, dataset, f"/data/{number}", state, None, files, 0, 0, 0, 1, GB, files * GB, files * GB + GB, GB, 0, 1.0,
        None, rank=number << 32,
    )  # fmt: skip


def file(number: int, owner: int) -> FileRow:
    path = f"009.골목과 시장의 소리/3.개방데이터/1.데이터/Training/01.원천데이터/TS_{number:06}.zip"
    remote = RemoteFile("aihub", str(70_000 + owner), str(number), path, SizeRange(GB - 1, GB + 1, "1 GB"))
    state = FileState.FETCHING if number % PAGE == 0 and owner <= MOVING else FileState.WAITING
    rank = RANKS.get(number, number << 32)
    return FileRow(number, owner, remote, path.replace(" ", "_"), state, 0, None, "", "", None, 0, None, rank=rank)


def answer(desk: Desk, files: int, owner: int, offset: int) -> None:
    """A page of files, as the engine gives them under the filter of the moment."""
    states = desk.queue.filter.states
    moving = file(owner * files, owner)
    if states and FileState.WAITING not in states:
        fitting = [moving] if moving.state in states else []
        desk.queue.add_rows(owner, offset, FileRows(fitting[offset:], len(fitting)))
        return
    rows = [file(owner * files + place, owner) for place in range(offset, min(files, offset + Rows(0, 1).limit))]
    desk.queue.add_rows(owner, offset, FileRows(rows, files))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("transfers", type=int, nargs="?", default=100)
    parser.add_argument("files", type=int, nargs="?", default=1000)
    parser.add_argument("seconds", type=float, nargs="?", default=15.0)
    parser.add_argument("--filter", action="store_true", help="another filter every two seconds")
    parser.add_argument("--move", action="store_true", help="a file to the top of its download twice a second")
    chosen = parser.parse_args()
    transfers, files = chosen.transfers, chosen.files
    app = application(["bench"])
    app.setPalette(theme.light_palette())
    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(EngineLink([sys.executable, "-c", "pass"]), Words("en"), Path(folder), "http://127.0.0.1:9")
        window = Window(desk)
        window.show()
        window.go(Place.DOWNLOADS)
        desk.queue.rows_wanted.disconnect()
        desk.queue.rows_wanted.connect(
            lambda one, offset: QTimer.singleShot(5, desk, partial(answer, desk, files, one, offset))
        )
        empty = resident()
        desk.link.snapshot.emit(Snapshot(0, [transfer(one, files) for one in range(1, transfers + 1)], Settings(), ""))
        for one in range(1, transfers + 1):
            window.downloads.view.expand(desk.queue.index_of(one))
            for offset in range(0, files, PAGE):
                rows = [file(one * files + place, one) for place in range(offset, min(files, offset + PAGE))]
                desk.queue.add_rows(one, offset, FileRows(rows, files))
        wait_until(lambda: True)
        lateness, began = watched(desk, window, chosen), time.monotonic()
        wait_until(lambda: time.monotonic() - began > chosen.seconds, "the time", chosen.seconds + 60)
        lateness.stop()
        count = sum(desk.queue.rowCount(desk.queue.index_of(one)) for one in range(1, transfers + 1))
        late, own = ([1000 * each for each in times] for times in (lateness.late, lateness.own))
        found = {
            "rows": count + transfers, "MiB empty": empty, "MiB": resident(), "p50": percentile(late, 0.5),
            "p99": percentile(late, 0.99), "worst": max(late), "own p99": percentile(own, 0.99), "own worst": max(own),
            "turns": len(late),
        }  # fmt: skip
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))
    window.deleteLater()
    return 0


def watched(desk: Desk, window: Window, chosen: argparse.Namespace) -> Lateness:
    """Progress five times a second, changes of rows as often; scrolling all the time; a filter now and then."""
    view, count, files = window.downloads.view, 0, chosen.files
    moves = range(1, min(MOVING, chosen.transfers) + 1)

    def tell() -> None:
        nonlocal count
        count += 1
        moving = [TransferProgress(one, GB + count, GB + count, 0, 2e6, 60.0, 0, (50.0, 70.0)) for one in moves]
        reports = [FileProgress(one * files, one, count << 20, 0, 2e6) for one in moves]
        desk.link.progressed.emit(Progress(0, 1e8, moving, reports, between=(500.0, 900.0)))
        changed = [file(one * files, one) for one in moves[:5]]
        desk.link.changed.emit(Changed(0, [transfer(one, files) for one in moves[:5]], changed))

    def scroll() -> None:
        bar = view.verticalScrollBar()
        bar.setValue((bar.value() + 37) % max(1, bar.maximum()))

    def narrow() -> None:
        kinds = (Kind.ACTIVE, Kind.ALL, Kind.WAITING, Kind.ALL)
        wanted = QueueFilter(kinds[count % 4], "데이터셋 7" if count % 3 == 0 else "")
        desk.queue.narrow(wanted)

    def move() -> None:
        last = 2 * files - 1 - len(RANKS)  # of the first transfer
        RANKS[last] = -len(RANKS) << 32
        desk.link.changed.emit(Changed(0, [transfer(1, files)], [file(last, 1)]))

    timers = [(200, tell), (30, scroll)]
    if chosen.filter:
        timers.append((2000, narrow))
    if chosen.move:
        timers.append((500, move))
    for interval, act in timers:
        timer = QTimer(window, interval=interval)
        timer.timeout.connect(act)
        timer.start()
    return Lateness()


def resident() -> float:
    """MiB that this process holds in memory, 0 where the system does not tell."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


if __name__ == "__main__":
    sys.exit(main())
