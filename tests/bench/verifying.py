"""What proof costs: a folder read again, against `sha256sum`, and zips proved while they come, against the same bytes
under a name that is no zip.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from .contents import Image, noise, stored_zip
from .deflated import SOUND, TEXT, deflated_zip, growth, packed
from .figures import Figures, Report, in_turn
from .ground import Ground, environment, files_of
from .hired import Hired
from .origin import Offer, Offered
from .spending import spending

OURS, PEER = "aihub verify", "sha256sum -c"
PLAIN, CHECKED = "received alone", "received and proved"
RECEIVED: Final = 2 << 30
LINE: Final = 125_000_000  # bytes a second
_WAYS: Final = {PLAIN: "bin", CHECKED: "zip"}


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
    """The worker alone, from the lease to the last word about the file, as fast as loopback gives the bytes."""
    size = (8 << 20) if ground.small else RECEIVED
    report = Report(f"verification while receiving, {size >> 20} MiB", _about(size))
    return _received(ground, report, _zips(ground.images, size), 0)


def receiving_from_a_line(ground: Ground) -> Report:
    """The same from a line of 1 Gbit/s, which is more than the hub was seen to give."""
    size = (8 << 20) if ground.small else RECEIVED
    zips = {name: zip_ for name, zip_ in _zips(ground.images, size).items() if name in ("sound", "text")}
    about = [*_about(size), f"The stream brings at most {LINE / 1e6:.0f} MB/s."]
    report = Report(f"verification while receiving, {size >> 20} MiB at {LINE / 1e6:.0f} MB/s", about)
    return _received(ground, report, zips, LINE)


def _received(ground: Ground, report: Report, zips: dict[str, Image], rate: int) -> Report:
    warm = noise(ground.images, 1 << 20)
    images = {f"bench/{name}.{end}": zip_ for name, zip_ in zips.items() for end in _WAYS.values()}
    offered = [Offered("bench/warm.bin", 65_536, str(warm.path))]
    offered += [Offered(path, image.size, str(image.path)) for path, image in images.items()]
    with ground.hub(Offer(offered, rate=rate)) as hub:
        files = {file.path: file for file in files_of(hub)}
        worker = Hired(hub.url)

        def run(path: str) -> Figures:
            with ground.empty() as folder:
                with spending([worker.pid]) as spent:
                    worker.fetch(folder, [files[path]])
                assert sum(found.stat().st_size for found in folder.rglob("*") if found.is_file()) == images[path].size
            return spent.figures(images[path].size)

        try:
            with ground.empty() as folder:
                worker.fetch(folder, [files["bench/warm.bin"]])
            runs: dict[str, Callable[[], Figures]] = {
                f"{name}: {way}": partial(run, f"bench/{name}.{end}") for name in zips for way, end in _WAYS.items()
            }
            in_turn(report, runs, ground.pairs)
        finally:
            worker.stop()
    for name in zips:
        report.promise(f"{name}: {CHECKED}", f"{name}: {PLAIN}", 1.15 if name == "stored" else 1.60)
    return report


def _zips(images: Path, size: int) -> dict[str, Image]:
    """By their names in the table."""
    less = packed(TEXT, size)
    return {
        "stored": stored_zip(images, size, 64),
        "sound": deflated_zip(images, size, SOUND),
        "text": deflated_zip(images, size, TEXT),
        "less-text": deflated_zip(images, less, TEXT),
    }


def _about(size: int) -> list[str]:
    return [
        "The hub's stream, from loopback, to the file whose SHA-256 is known, under its final name.",
        f"{PLAIN}: the same bytes as a .bin, of which nothing but the length can be proved."
        f" {CHECKED}: as a .zip, the CRC of every entry.",
        f"stored, sound, text: zips of {size >> 20} MiB. sound: deflated samples of 16 bits,"
        f" {growth(SOUND):.2f} times as much unpacked. text: deflated labels, {growth(TEXT):.2f} times."
        f" less-text: {size >> 20} MiB unpacked, {packed(TEXT, size) >> 20} MiB of zip.",
    ]


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
