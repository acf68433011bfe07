"""Which worker process gets which lease."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import msgspec
from gatherings import gather, remote, works

from aihub_desktop.domain.leases import Check, Proof
from aihub_desktop.engine.pool import Pool

# Notes the leases that it is given, each process in a file of its own, until its stdin ends.
SCRIBE: Final = """
import json, os, sys
with open(os.path.join(sys.argv[1], str(os.getpid())), "w") as file:
    for line in sys.stdin:
        print(json.loads(line)["lease"], file=file)
"""


def check(folder: Path, lease: int, *names: str) -> Check:
    """Of files that were proved, each by itself, while they came."""
    files = [remote(f"http://127.0.0.1/{name}", size=1) for name in names]
    return Check(lease, str(folder), [msgspec.structs.replace(work, proof=Proof.CHECKSUM) for work in works(files)])


def test_a_set_is_proved_apart_from_what_is_received(tmp_path: Path) -> None:
    """It is read whole, though each of its volumes had the right checksum; a file alone is only given its name."""
    noted = tmp_path / "noted"
    noted.mkdir()
    pool = Pool([sys.executable, "-c", SCRIBE, str(noted)], 2, tmp_path / "logs", lambda news: None)
    pool.begin(gather(tmp_path, [remote("http://127.0.0.1/b", size=1)]))
    pool.begin(check(tmp_path, 2, "a.zip"))
    pool.begin(check(tmp_path, 3, "a.z01", "a.zip"))
    pool.close()
    assert sorted(file.read_text().split() for file in noted.iterdir()) == [["1", "2"], ["3"]]
