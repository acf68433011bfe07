"""What proof costs: a folder read again, against `sha256sum`, and a zip proved while it comes, against the same bytes
under a name that is no zip.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from .contents import Image, image, noise, stored_zip
from .figures import Figures, Report, in_turn
from .ground import Ground, environment, files_of
from .hired import Hired
from .origin import Offer, Offered
from .spending import spending

OURS, PEER = "aihub verify", "sha256sum -c"
PLAIN, CHECKED = "received alone", "received and proved"
RECEIVED: Final = 2 << 30
_DATE: Final = (2026 - 1980) << 9 | 3 << 5 | 2


def again(ground: Ground) -> Report:
    """Deep looks. The two are held to one core each, where the system can do that, and the files are in its cache: what
    is compared is the program, not the disk.
    """
    report = Report(
        "a folder read again: aihub verify --deep against sha256sum -c, on one core",
        [
            "The whole command each, start-up included; the bytes are in the system's cache."
            " Without start-up: what is left when the time for a folder with one empty file is taken off.",
        ],
    )
    if shutil.which("sha256sum") is None:
        report.about.append("Not run: no sha256sum here.")
        return report
    shapes = {
        "one file": (1, (4 << 20) if ground.small else (512 << 20)),
        "8 files": (8, (1 << 20) if ground.small else (64 << 20)),
        "20,000 small files": (200 if ground.small else 20_000, 1_000),
    }
    folders = {name: _folder(ground, *shape) for name, shape in shapes.items()}
    empty = _folder(ground, 1, 0)
    _verify(empty)
    runs: dict[str, Callable[[], Figures]] = {}
    for name, folder in folders.items():
        size = shapes[name][0] * shapes[name][1]
        runs[_of(PEER, name)] = partial(_measured, partial(_sha256sum, folder), partial(_sha256sum, empty), size)
        runs[_of(OURS, name)] = partial(_measured, partial(_verify, folder), partial(_verify, empty), size)
    in_turn(report, runs, ground.pairs)
    for name in shapes:
        report.promise(_of(OURS, name), _of(PEER, name), 1 / 0.8, "CPU s, without start-up")
    return report


def receiving(ground: Ground) -> Report:
    """The worker alone, from the lease to the last word about the file."""
    size = (8 << 20) if ground.small else RECEIVED
    zips = {"stored": stored_zip(ground.images, size, 64), "deflated": deflated_zip(ground.images, size)}
    warm = noise(ground.images, 1 << 20)
    report = Report(
        f"verification while receiving, {size >> 20} MiB",
        [
            "The hub's stream at full speed, from loopback, to the file whose SHA-256 is known, under its final name.",
            f"{PLAIN}: the same bytes as a .bin, of which nothing but the length can be proved."
            f" {CHECKED}: as a .zip, the CRC of every entry.",
        ],
    )
    names = {f"bench/{kind}.{end}": image for kind, image in zips.items() for end in ("bin", "zip")}
    offered = [Offered("bench/warm.bin", 65_536, str(warm.path))]
    offered += [Offered(name, image.size, str(image.path)) for name, image in names.items()]
    with ground.hub(Offer(offered)) as hub:
        files = {file.path: file for file in files_of(hub)}
        worker = Hired(hub.url)

        def run(name: str) -> Figures:
            with ground.empty() as folder:
                with spending([worker.pid]) as spent:
                    worker.fetch(folder, [files[name]])
                assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) == names[name].size
            return spent.figures(names[name].size)

        try:
            with ground.empty() as folder:
                worker.fetch(folder, [files["bench/warm.bin"]])
            ways = {"bin": PLAIN, "zip": CHECKED}
            runs: dict[str, Callable[[], Figures]] = {
                f"{kind}: {ways[end]}": partial(run, f"bench/{kind}.{end}") for kind in zips for end in ways
            }
            in_turn(report, runs, ground.pairs)
        finally:
            worker.stop()
    report.promise(f"stored: {CHECKED}", f"stored: {PLAIN}", 1.15)
    report.promise(f"deflated: {CHECKED}", f"deflated: {PLAIN}", 1.60)
    return report


def _of(peer: str, name: str) -> str:
    return f"{peer}, {name}"


def _folder(ground: Ground, count: int, size: int) -> Path:
    """Files with a list of their SHA-256, made once."""
    place = ground.images / f"again-{count}-{size}"
    listed = place / ".aihub/manifest-sha256.txt"
    if not listed.exists():
        for number in range(count):
            path = place / f"라벨/{number // 1000:02}/파일_{number:05}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                dice, left = random.Random(number), size
                while left:
                    left -= file.write(dice.randbytes(min(left, 1 << 20)))
        names = sorted(path.relative_to(place).as_posix() for path in place.rglob("*.json"))
        listed.parent.mkdir()
        with listed.with_suffix(".new").open("wb") as new:
            for start in range(0, len(names), 1000):
                subprocess.run(["sha256sum", *names[start : start + 1000]], cwd=place, stdout=new, check=True)
        listed.with_suffix(".new").rename(listed)
    return place


def _measured(act: Callable[[], None], nothing: Callable[[], None], size: int) -> Figures:
    with spending() as idle:
        nothing()
    with spending() as spent:
        act()
    figures = spent.figures(max(1, size))
    figures.pop("written/payload", None)
    if spent.cpu is not None and idle.cpu is not None:
        figures["CPU s, without start-up"] = max(0.01, spent.cpu - idle.cpu)
    return figures


def _on_one_core(words: list[str]) -> list[str]:
    taskset = shutil.which("taskset")
    if taskset is None or not hasattr(os, "sched_getaffinity"):
        return words
    return [taskset, "-c", str(min(os.sched_getaffinity(0))), *words]


def _sha256sum(folder: Path) -> None:
    words = _on_one_core(["sha256sum", "--quiet", "--strict", "-c", ".aihub/manifest-sha256.txt"])
    subprocess.run(words, cwd=folder, check=True)


def _verify(folder: Path) -> None:
    """What the first one remembers for quick looks is there when it counts."""
    words = _on_one_core([sys.executable, "-m", "aihub_desktop", "verify", str(folder), "--deep"])
    subprocess.run(words, env=environment(), check=True, stdout=subprocess.DEVNULL)


# ---- a deflated zip ----


def deflated_zip(folder: Path, size: int) -> Image:
    """A zip of deflated entries of text, `size` bytes altogether: a few contents over and over, the rest is stored."""
    return image(folder / f"deflated-{size}", size, lambda: _deflated(size))


def _deflated(size: int) -> Iterator[bytes]:
    entries, offset, directory = 0, 0, b""
    blocks = [_block(seed, (1 << 20) if size < (64 << 20) else (8 << 20)) for seed in range(4)]
    left = size - 22
    while True:
        crc, length, packed = blocks[entries % len(blocks)]
        name, method = f"entry-{entries:05}.json".encode(), 8
        cost = 76 + 2 * len(name)
        if left < len(packed) + 2 * cost:
            packed, method = random.Random(size).randbytes(left - cost), 0
            crc, length = zlib.crc32(packed), len(packed)
        facts = struct.pack("<5H3L2H", 20, 0, method, 0, _DATE, crc, len(packed), length, len(name), 0)
        yield b"PK\x03\x04" + facts + name
        yield packed
        directory += b"PK\x01\x02\x14\x00" + facts + struct.pack("<3H2L", 0, 0, 0, 0, offset) + name
        offset += 30 + len(name) + len(packed)
        entries, left = entries + 1, left - len(packed) - cost
        if method == 0:
            break
    yield directory
    yield b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, entries, entries, len(directory), offset, 0)


def _block(seed: int, size: int) -> tuple[int, int, bytes]:
    """(CRC-32, length, deflated) of text such as labels are: it shrinks to about a third."""
    dice, parts, total = random.Random(seed), [], 0
    while total < size:
        label, number, place = dice.randbytes(6).hex(), dice.randrange(10**9), dice.random()
        part = f'{{"id": {number}, "라벨": "{label}", "x": {place:.5f}}}\n'.encode()
        parts.append(part)
        total += len(part)
    content = b"".join(parts)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return zlib.crc32(content), len(content), packer.compress(content) + packer.flush()
