"""The processes of the tests of the queue: one that saves without end, two that meet a disk that refuses."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import FileRow, TransferRow
from aihub_desktop.domain.model import HUB, Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.store.queue import QueueStore

# A page of SQLite holds a few rows only, so a turn of these writes many pages.
FILES_A_TURN: Final = 40


def transfer(key: int = 1, received: int = 0) -> TransferRow:
    dataset = Dataset(HUB, "86", "감성 대화 말뭉치")
    return TransferRow(
        key, dataset, "/받은 것", TransferState.RUNNING, None, 2, 0, 0, 0, 0, 0, 10, 20, received, 0, 5.0, None
    )


def file(key: int, owner: int = 1, bytes_: int = 0) -> FileRow:
    remote = RemoteFile(HUB, "86", f"K{key}", f"d/가 {key}.zip", SizeRange(5, 10, "1 KB"))
    return FileRow(key, owner, remote, f"d/가_{key}.zip", FileState.WAITING, bytes_, None, "", "", None, 0, None)


def reopened(path: Path) -> tuple[list[TransferRow], list[FileRow]]:
    """All that another process would find."""
    store = QueueStore(path)
    transfers = store.transfers()
    files = [row for one in transfers for row in store.files(one.id)]
    store.close()
    return transfers, files


def code_of(act: Callable[[], object]) -> Code | None:
    """How `act` was refused; None where it went well."""
    try:
        act()
    except ProblemError as error:
        return error.problem.code
    return None


def files_of_turn(turn: int) -> list[FileRow]:
    return [file(turn * FILES_A_TURN + place, bytes_=turn) for place in range(FILES_A_TURN)]


def keep_saving(path: Path) -> None:
    """Turn after turn without end, each with files of its own; says the number of each that `save` called durable."""
    store = QueueStore(path)
    for turn in count(sum(row.received for row in store.transfers()) + 1):
        dropped = [row.id for row in files_of_turn(turn - 1)]
        store.save([transfer(received=turn)], files_of_turn(turn), [], dropped)
        print(turn, flush=True)


def fill(path: Path) -> None:
    with path.open("ab", buffering=0) as ballast:
        for size in (65536, 4096, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def meet_a_full_disk(disk: Path) -> None:
    """Plays what follows on a disk that fills up, and says how each step ended."""
    path, ballast = disk / "queue.sqlite3", disk / "ballast"
    many = [file(key) for key in range(1, 1000)]
    store = QueueStore(path)
    store.save([transfer()], [file(1)], [], [])
    fill(ballast)
    found = {
        "a turn": code_of(lambda: store.save([transfer(received=5)], many, [], [])),
        "the next": code_of(lambda: store.save([transfer(received=5)], many, [], [])),
        "a copy": code_of(lambda: store.keep("datasets", bytes(300_000), 0.0)),
        "a new queue": code_of(lambda: QueueStore(disk / "other.sqlite3")),
    }
    assert store.transfers() == [transfer()]
    store.close()
    assert reopened(path) == ([transfer()], [file(1)])
    ballast.unlink()
    store = QueueStore(path)
    found["with room"] = code_of(lambda: store.save([transfer(received=6)], many, [], []))
    store.close()
    assert reopened(path) == ([transfer(received=6)], many)
    print(json.dumps(found))


def meet_a_sealed_disk(disk: Path) -> None:
    """Plays what follows on a disk that is mounted read-only."""
    path = disk / "queue.sqlite3"
    store = QueueStore(path)
    store.save([transfer()], [], [], [])
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    found = {
        "the queue": code_of(lambda: QueueStore(path).save([transfer(2)], [], [], [])),
        "a new queue": code_of(lambda: QueueStore(disk / "other.sqlite3")),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    {"save": keep_saving, "full": meet_a_full_disk, "sealed": meet_a_sealed_disk}[sys.argv[1]](Path(sys.argv[2]))
