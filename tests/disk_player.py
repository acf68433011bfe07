"""What befalls a download on a drive that fills up, is pulled or is exchanged: played within a mount namespace.

Each play has an own hub and engine and a store (a tmpfs) that is bound to the drive's mount point. It prints, as
JSON, what the engine told and what lies on the disk in the end.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from engines import SURVEY_SECONDS, RunningEngine, final_files, offered

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.disk.guard import Guard
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.states import TRANSFER_ENDED, TransferState

MB: Final = 1 << 20
LONGEST: Final = 60.0
BIG, SMALL = "100001", "100002"
DATA: Final = {"가 나/큰 것.bin": random.Random(5).randbytes(6 * MB), "가 나/작은 것.csv": b"1,2\n" * 20_000}


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


class Stage:
    """A hub, an engine and a drive of `size` MiB."""

    def __init__(self, root: Path, hub: DemoHub, engine: RunningEngine, size: int) -> None:
        self.root, self.hub, self.engine = root, hub, engine
        self.store, self.drive = root / "store", root / "drive"
        self.target = self.drive / "받은 것"
        self.told: dict[int, list[str]] = {}
        self.rows: dict[int, m.TransferRow] = {}
        self.stops: dict[int, int] = {}  # bytes received at the last stop
        self.kept: dict[int, int] = {}  # bytes found on the disk when it went on
        for folder in (self.store, self.drive):
            folder.mkdir()
        mount("-t", "tmpfs", "-o", f"size={size}m", "none", self.store)
        self.plug()

    def plug(self) -> None:
        mount("--bind", self.store, self.drive)

    def pull(self) -> None:
        subprocess.run(["umount", "-l", self.drive], check=True)

    def fill(self, leave: int) -> None:
        """Something else takes the room of the drive, but for so many bytes."""
        with (self.drive / "ballast").open("ab") as ballast:
            while (free := shutil.disk_usage(self.drive).free - leave) > 0:
                ballast.write(bytes(min(free, MB)))
                ballast.flush()

    def make_room(self) -> None:
        (self.store / "ballast").unlink()

    def slowly(self) -> None:
        self.hub.faults.add(Slow(rate=2 * MB))

    def add(self, *keys: str) -> int:
        return self.engine.add(self.target, keys=[*keys])

    def until(self, holds: Callable[[m.AnyEvent], bool]) -> None:
        """Hears events until one is what is waited for."""
        deadline = time.monotonic() + LONGEST
        while (left := deadline - time.monotonic()) > 0:
            if (event := self.engine.engine.get(left)) is None:
                break
            for row in event.transfers if isinstance(event, m.Changed) else []:
                said = row.problem.code.value if row.problem else row.state.value
                if (told := self.told.setdefault(row.id, []))[-1:] != [said]:
                    told.append(said)
                self.rows[row.id] = row
                if row.state is TransferState.NEEDS_USER:
                    self.stops[row.id] = row.received
                elif row.state is TransferState.RUNNING and row.id in self.stops:
                    self.kept.setdefault(row.id, row.bytes)
            if holds(event):
                return
        raise AssertionError(f"it never came; told so far: {self.told}")

    def until_received(self, count: int) -> None:
        self.until(lambda event: isinstance(event, m.Progress) and any(one.received > count for one in event.transfers))

    def until_told(self, transfer: int, *words: str) -> None:
        self.until(lambda event: self.told.get(transfer, [""])[-1] in words)

    def until_ended(self, *transfers: int) -> None:
        self.until(lambda event: all(self.rows[key].state in TRANSFER_ENDED for key in transfers if key in self.rows)
                   and set(transfers) <= set(self.rows))  # fmt: skip

    def surveyed(self, times: int = 4) -> None:
        """Time for the engine to look at the drive so often: what must not happen then has had its chance."""
        threading.Event().wait(SURVEY_SECONDS * times)
        self.engine.ask(m.Space(self.engine.engine.number(), str(self.drive)), m.DiskSpace)

    def let_go(self, part: Path) -> None:
        """No worker has the file any more: what it had is durable."""
        deadline, moment = time.monotonic() + LONGEST, threading.Event()
        while time.monotonic() < deadline:
            try:
                Guard(part).release()
                return
            except ProblemError:
                moment.wait(0.02)
        raise AssertionError("a worker keeps its file")

    def resume(self, *transfers: int) -> None:
        self.engine.ask(m.Resume(self.engine.engine.number(), [*transfers] or None), type(None))

    def end(self, transfer: int, **more: Any) -> dict[str, Any]:
        """What there is to say in the end."""
        row = self.rows[transfer]
        right = offered(self.hub.catalogue)
        files = final_files(self.target)
        return {
            "told": self.told[transfer], "right": all(right[name] == data for name, data in files.items()),
            "files": len(files), "received": row.received, "stopped": self.stops.get(transfer, 0),
            "kept": self.kept.get(transfer, 0), **more,
        }  # fmt: skip


def fills_up(stage: Stage, leave: int = 0) -> dict[str, Any]:
    """Two downloads run when the drive fills up; there is room again later."""
    stage.slowly()
    first, second = stage.add(BIG), stage.engine.add(stage.drive / "other", keys=[BIG])
    stage.until_received(2 * MB)
    stage.fill(leave)
    stage.until_told(first, "disk-full")
    if stage.told[second][-1] != "disk-full":
        stage.until_told(second, "disk-full")
    faults = {str(row.problem.code) for key in (first, second) for row in stage.engine.files(key) if row.problem}
    stage.surveyed()
    stage.hub.faults.clear()
    stage.make_room()
    stage.until_ended(first, second)
    return stage.end(first, second=stage.told[second], faults=sorted(faults))


def runs_low(stage: Stage) -> dict[str, Any]:
    """Something else leaves less than the floor, though more than nothing."""
    return fills_up(stage, leave=3 * MB // 2)


def has_no_room(stage: Stage) -> dict[str, Any]:
    """What is to come does not fit from the first."""
    stage.fill(3 * MB)
    first = stage.add(BIG)
    stage.until_told(first, "no-room")
    facts = stage.rows[first].problem
    second = stage.engine.add(stage.drive / "other", keys=[SMALL])
    stage.until_ended(second)
    asked = sum(BIG in seen.file_keys for seen in stage.hub.requests)
    stage.make_room()
    stage.until_ended(first)
    assert facts is not None
    return stage.end(first, second=stage.told[second], asked=asked, need=facts.facts["need"])


def is_pulled(stage: Stage) -> dict[str, Any]:
    """The drive goes in the middle and comes back."""
    stage.slowly()
    first = stage.add(BIG)
    stage.until_received(2 * MB)
    stage.pull()
    stage.until_told(first, "drive-missing")
    stage.surveyed()
    made = [path.name for path in stage.drive.iterdir()]
    stage.hub.faults.clear()
    stage.plug()
    stage.until_ended(first)
    return stage.end(first, made=made)


def is_pulled_as_a_whole(stage: Stage) -> dict[str, Any]:
    """As before, with the mount point itself as the target: it stays when the drive goes."""
    stage.target = stage.drive
    return is_pulled(stage)


def is_exchanged(stage: Stage) -> dict[str, Any]:
    """Another drive comes in its place; a person says that it will do."""
    stage.slowly()
    first = stage.add(BIG)
    stage.until_received(2 * MB)
    stage.pull()
    stage.until_told(first, "drive-missing")
    mount("-t", "tmpfs", "-o", "size=24m", "none", stage.drive)
    stage.hub.faults.clear()
    stage.surveyed()
    stage.resume()
    stage.until_told(first, "drive-missing")
    stage.surveyed()
    made = [path.name for path in stage.drive.iterdir()]
    stage.resume(first)
    stage.until_ended(first)
    return stage.end(first, made=made)


def is_moved(stage: Stage) -> dict[str, Any]:
    """A person carries the folder to another drive, which then stands in the old one's place."""
    stage.slowly()
    first = stage.add(BIG)
    stage.until_received(2 * MB)
    stage.pull()
    stage.until_told(first, "drive-missing")
    stage.let_go(stage.store / "받은 것/가_나/큰_것.bin.part")
    mount("-t", "tmpfs", "-o", "size=24m", "none", stage.drive)
    stage.hub.faults.clear()
    shutil.copytree(stage.store / stage.target.name, stage.root / "carried")
    (stage.root / "carried").rename(stage.root / "carried whole")
    shutil.copytree(stage.root / "carried whole", stage.drive / "on the way")
    (stage.drive / "on the way").rename(stage.target)
    stage.until_ended(first)
    return stage.end(first)


def is_sealed(stage: Stage) -> dict[str, Any]:
    """The drive cannot be written to, and then it can."""
    mount("-o", "remount,ro", stage.store)
    first = stage.add(BIG)
    stage.until_told(first, "not-writable")
    stage.surveyed()
    mount("-o", "remount,rw", stage.store)
    stage.until_ended(first)
    return stage.end(first)


def is_asked_for_again(stage: Stage) -> dict[str, Any]:
    """The folder was deleted: a download that runs waits for it, and a person's wish makes it again."""
    stage.slowly()
    first = stage.add(BIG)
    stage.until_received(2 * MB)
    stage.target.rename(stage.drive / "away")
    stage.until_told(first, "target-missing")
    stage.surveyed()
    made = stage.target.exists()
    stage.hub.faults.clear()
    stage.add(BIG)
    stage.until_ended(first)
    return stage.end(first, made=made)


def holds_no_large_files(stage: Stage) -> dict[str, Any]:
    """No file of this process may grow beyond 4 MiB, as on a file system with a limit."""
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - not there on Windows

        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MB, 4 * MB))
    first = stage.add(BIG, SMALL)
    stage.until_ended(first)
    codes = {row.file.key: row.problem.code if row.problem else row.state for row in stage.engine.files(first)}
    return stage.end(first, codes=codes)


PLAYS: Final[dict[str, tuple[Callable[[Stage], dict[str, Any]], int]]] = {
    play.__name__: (play, size)
    for play, size in (
        (fills_up, 32), (runs_low, 32), (has_no_room, 8), (is_pulled, 24), (is_pulled_as_a_whole, 24),
        (is_exchanged, 24), (is_moved, 24), (is_sealed, 24), (is_asked_for_again, 24), (holds_no_large_files, 24),
    )
}  # fmt: skip


def main(name: str, root: Path) -> None:
    play, size = PLAYS[name]
    with (
        DemoHub(Catalogue.of(DATA), piece_size=MB) as hub,
        RunningEngine(root / "home", hub.url, patience=None, floor_bytes=1 << 40) as engine,
    ):
        engine.ask(m.SetKey(engine.engine.number(), Secret(DEMO_KEY), for_run=True), m.KeyState)
        print(json.dumps(play(Stage(root, hub, engine, size))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
