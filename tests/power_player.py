"""A download that is paused, cut by the hub and brought to its end, in a process whose calls are recorded.

    python power_player.py HOME FOLDER HUB

Says on stdout what the engine answered, a line each, at the moment when it was answered.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from engines import RunningEngine

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.states import FileState, TransferState


def say(*words: object) -> None:
    os.write(1, (" ".join(["said", *map(str, words)]) + "\n").encode())


def main(home: Path, folder: Path, hub: str) -> None:
    # No "with": what a tidy end would still make durable is not the point.
    engine = RunningEngine(
        home, hub, patience=20.0, mark_bytes=1 << 14, parallel=2, bundle_files=2, stall_seconds=20.0, floor_bytes=0
    )
    with engine:
        say("configured")
        say("adding")
        transfer = engine.add(folder)
        say("added")
        engine.wait_for(transfer, TransferState.RUNNING)
        say("pausing")
        engine.ask(m.Pause(engine.engine.number(), [transfer]), type(None))
        say("paused")
        engine.wait_for(transfer, TransferState.PAUSED)
        say("resuming")
        engine.ask(m.Resume(engine.engine.number(), [transfer]), type(None))
        say("resumed")
        follow(engine, transfer)
        say("ended")


def follow(engine: RunningEngine, transfer: int) -> None:
    """To the end, with a word for each file that is done."""
    while True:
        event = engine.engine.get(60.0)
        assert event is not None
        if isinstance(event, m.Changed):
            for row in event.files:
                if row.state is FileState.DONE:
                    say("done", row.id)
            for one in event.transfers:
                if one.id == transfer and one.state is TransferState.DONE:
                    return
                assert one.state is not TransferState.FAILED, event


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
