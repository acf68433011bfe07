"""What runs in the guest: looks at the disk, then downloads from a demo hub of its own until the power goes.

Lines that begin with AIHUB are for the host:

    named N PLACE      a file stands under its final name in the folder N, with the right bytes
    broken WHY         something on disk is not as it must be
    claims N BYTES     what the journals below the folder N claim, all of it true
    moving N           the first bytes of a run have come to the folder N
    done N PLACE       the command line has said that a file is done
    end                the last folder is complete and verified
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import xxhash

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.messages import Configure
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.transport.journal import read_journal

DISK: Final = Path("/mnt")
HOME: Final = DISK / "state"
SETTINGS: Final[dict[str, int | float | str]] = {
    "mark_bytes": 1 << 20, "mark_seconds": 1.0, "spread": 0, "floor_bytes": 0, "stall_seconds": 60.0, "bundle_files": 8,
}  # fmt: skip


def say(*words: object) -> None:
    # One write, for two threads speak.
    os.write(1, (" ".join(["AIHUB", *map(str, words)]) + "\n").encode())


def made(seed: int) -> Catalogue:
    dice = random.Random(seed)
    files: dict[str, bytes] = {}
    for number in range(3):
        entries = [Entry(name=f"{one}.wav", data=dice.randbytes(500_000)) for one in range(6)]
        files[f"원천 데이터/{number}.zip"] = zipped(entries)
    files |= {f"라벨/{number:02}.json": dice.randbytes(20_000) for number in range(24)}
    files["전체.csv"] = dice.randbytes(6_000_000)
    return Catalogue.of(files)


def offered(catalogue: Catalogue) -> dict[str, bytes]:
    files = catalogue.datasets[0].files
    return {file.path.replace(" ", "_"): catalogue.bytes_of(file.key) for file in files}


def look(folder: Path, expected: dict[str, bytes]) -> None:
    """Tells how each file stands, from its bytes alone."""
    claims = 0
    for place, data in expected.items():
        final, part = folder / place, folder / f"{place}.part"
        if final.exists():
            say(*(("named", folder.name, place) if final.read_bytes() == data else ("broken", "named", place)))
        journal = read_journal(folder / f"{place}.part.journal")
        if journal is not None and part.exists() and not final.exists():
            there = part.read_bytes()
            for piece in journal.pieces:
                claims += piece.stop - piece.start
                if xxhash.xxh3_128(there[piece.start : piece.stop]).hexdigest() != piece.digest:
                    say("broken", "claim", place, piece.start)
    say("claims", folder.name, claims)


def get(hub: str, folder: Path) -> int:
    """The command line, until it ends."""
    environment = {**os.environ, "AIHUB_HOME": str(HOME), "AIHUB_API_URL": hub, "AIHUB_APIKEY": DEMO_KEY}
    command = [sys.executable, "-m", "aihub_desktop", "get", "90001", "--to", str(folder), "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        threading.Thread(target=tell_moving, args=(folder, running, time.time()), daemon=True).start()
        for line in running.stdout:
            record = json.loads(line)
            if record.get("state") == "done":
                say("done", folder.name, record["path"])
    return running.returncode


def tell_moving(folder: Path, running: subprocess.Popen[bytes], began: float) -> None:
    """Says when the run has written to one of its files: only from then on a power cut is of interest."""
    while running.poll() is None:
        if any(is_newer(path, began) for path in folder.rglob("*.part*")):
            say("moving", folder.name)
            return
        time.sleep(0.05)


def is_newer(path: Path, moment: float) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime >= moment
    return False


def configure(hub: str) -> None:
    engine = LocalEngine(HOME, hub, [])
    engine.start()
    try:
        engine.ask(Configure(engine.number(), SETTINGS), object)
    finally:
        engine.close()


def main(order: dict[str, int]) -> None:
    catalogue = made(order["seed"])
    expected = offered(catalogue)
    folders = sorted((path for path in DISK.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    for folder in folders:
        look(folder, expected)
    with DemoHub(catalogue, piece_size=1 << 20) as hub:
        configure(hub.url)
        hub.faults.add(Slow(rate=order["rate"]))
        # What was begun is asked for again by the same command; then as much anew as the power allows.
        number = int(folders[-1].name) if folders else 1
        while True:
            code = get(hub.url, DISK / str(number))
            if code != 0:
                say("broken", "exit", code)
            if order["last"] or code != 0:
                break
            number += 1
    look(DISK / str(number), expected)
    left = [path.name for path in (DISK / str(number)).rglob("*") if path.name.endswith((".part", ".journal"))]
    if left:
        say("broken", "left over", *left)
    command = [sys.executable, "-m", "aihub_desktop", "verify", str(DISK / str(number))]
    if (code := subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode) != 0:
        say("broken", "verify", code)
    say("end")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
