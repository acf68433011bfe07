"""A library on a drive that is pulled, replaced by another, and comes back. Run with rights of one's own to mount:

unshare -Urm python library_player.py ROOT      prints one line of JSON
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from engines import WORKER
from tapes import sha256

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.holdings import HoldingRow
from aihub_desktop.domain.tasks import VerifyWish
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.transport.ledger import Entry, Ledger

DATA = b"on the drive"


def main(root: Path) -> None:
    drive, folder = root / "drive", root / "drive" / "받은 것"
    drive.mkdir()
    _mount(drive)
    _fill(folder)
    found: dict[str, object] = {}
    engine = LocalEngine(root / "home", "http://127.0.0.1:9", WORKER)
    engine.start()
    try:
        row = engine.ask(m.AddHolding(engine.number(), str(folder)), HoldingRow)
        found["here"] = row.state
        # Another mount above hides the drive, as one sees it when it was pulled; what lies on it stays.
        _mount(drive)
        found["pulled"] = _state(engine)
        found["verify"] = _refusal(engine, m.Begin(engine.number(), verify=VerifyWish(str(folder))))
        found["discard"] = _refusal(engine, m.Discard(engine.number(), row.id))
        _fill(folder)
        found["discard there"] = _refusal(engine, m.Discard(engine.number(), row.id))
        found["theirs"] = (folder / "a.bin").read_bytes() == DATA
        found["other drive, same files"] = _state(engine)
        subprocess.run(["umount", drive], check=True)
        found["back"] = _state(engine)
        found["ours"] = (folder / "a.bin").read_bytes() == DATA
    finally:
        engine.close()
    print(json.dumps(found))


def _mount(drive: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "none", drive], check=True)


def _fill(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.bin").write_bytes(DATA)
    Ledger(folder).record([Entry("a.bin", sha256(DATA), len(DATA), "aihub", "90001", False, "1", "a.bin", "length")])


def _state(engine: LocalEngine) -> str:
    (row,) = engine.ask(m.ListHoldings(engine.number(), fresh=True), m.Library).holdings
    assert row.summary is not None
    assert row.summary.files == 1, "remembered, whatever became of the drive"
    return row.state


def _refusal(engine: LocalEngine, command: m.AnyCommand) -> str:
    try:
        engine.ask(command, object)
    except ProblemError as error:
        return error.problem.code
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]))
