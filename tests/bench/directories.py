"""What is known of an archive from its directory alone: as many entries as the largest sets have, and as many bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import pack
from typing import Final

from .figures import Figures, Report, in_turn
from .ground import ROOT, Ground, environment

MANY: Final = 636_045  # of one archive of the hub
_FULL: Final = 0xFFFFFFFF
_MEMORY_MB: Final = 120
_CPU_SECONDS: Final = 10
# From a small process, for the memory of the one that began it counts as a process's own.
_SPENT: Final = """
import json, resource, subprocess, sys, time
began = time.monotonic()
run = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([run.returncode, time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
_DAY: Final = (2026 - 1980) << 9 | 3 << 5 | 2


def run(ground: Ground) -> Report:
    count = 2_000 if ground.small else MANY
    few = 1_000
    archives = {
        f"{count:,} entries": _archive(ground, count, 0),
        f"{count:,} entries, 500 GB": _archive(ground, count, 500_000_000_000),
        f"{few:,} entries": _archive(ground, few, 0),
    }
    report = Report(
        "an archive's directory",
        ["the whole command, a process each; nothing is written. Memory: the most that the process had."],
    )
    peers: dict[str, Callable[[], Figures]] = {}
    for what, archive in archives.items():
        peers[f"unpack --dry-run, {what}"] = partial(_timed, "unpack", str(archive), "--dry-run")
        peers[f"look, {what}"] = partial(_timed, "look", str(archive))
    in_turn(report, peers, ground.pairs)
    for peer in peers:
        report.promise_at_most(peer, "CPU s", _CPU_SECONDS)
        report.promise_at_most(peer, "memory MB", _MEMORY_MB)
    return report


def _timed(*words: str) -> Figures:
    command = [sys.executable, "-c", _SPENT, sys.executable, "-m", "aihub_desktop", *words]
    run = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
    code, seconds, cpu, memory = json.loads(run.stdout)
    assert code in (0, 4), run.stderr  # a drive without room for 500 GB says so
    return {"CPU s": cpu, "memory MB": memory / 1024, "seconds": seconds}


def _archive(ground: Ground, count: int, size: int) -> Path:
    """Made once. With `size` bytes that are said to be packed in it there are none: the file has a hole for them."""
    path = ground.folder / f"directory-{count}-{size}.zip"
    if not path.exists():
        write_archive(path.with_suffix(".new"), count, size)
        path.with_suffix(".new").rename(path)
    return path


def write_archive(path: Path, count: int, size: int) -> None:
    """Names as labels have them, in folders of a thousand. Of `size` 0 it is sound, and all files are empty."""
    each = size // count
    packed, method = (each // 50, 8) if each else (0, 0)
    at, directory = 0, bytearray()
    with path.open("wb") as file:
        for number in range(count):
            name = (
                f"라벨링데이터/TL_{number // 1000:03}/label_{number:06}_{zlib.crc32(b'%d' % number):08x}.json".encode()
            )
            facts = pack("<5H3L", 45, 1 << 11, method, 0, _DAY, 0, packed, each)
            local = b"PK\3\4" + facts + pack("<2H", len(name), 0) + name
            file.write(local)
            wide = pack("<2HQ", 1, 8, at) if at >= _FULL else b""
            directory += b"PK\1\2" + pack("<H", 3 << 8 | 45) + facts + pack("<2H", len(name), len(wide))
            directory += pack("<3H2L", 0, 0, 0, 0o100644 << 16, min(at, _FULL)) + name + wide
            at += len(local) + packed
            if packed:
                file.seek(at)
        file.write(directory)
        end64 = pack("<Q2H2L4Q", 44, 45, 45, 0, 0, count, count, len(directory), at)
        file.write(b"PK\6\6" + end64 + b"PK\6\7" + pack("<LQL", 0, at + len(directory), 1))
        file.write(b"PK\5\6" + pack("<4H2LH", 0, 0, 0xFFFF, 0xFFFF, _FULL, _FULL, 0))
