"""One stream, as fast as it goes: the hub's tar of one stored zip, to the verified file."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aihub_desktop.domain.model import RemoteFile

from . import peers
from .contents import Image, noise, stored_zip
from .figures import Figures, Report, Target, in_turn
from .ground import Ground, Hub, files_of, prove
from .hired import Hired
from .origin import Offer, Offered
from .spending import Spending, spending

OURS, COMMAND, OFFICIAL, CURL = "ours: worker", "ours: aihub get", "official way", "curl -o download.tar"


def plain(ground: Ground) -> Report:
    report = _measured(ground, tls=False)
    report.promise(OURS, OFFICIAL, 0.40)
    report.promise(OURS, CURL, 1.0)
    if written := report.values(OURS, "written/payload"):
        report.targets.append(Target(f"written/payload, {OURS}", statistics.median(written), 1.01))
    return report


def tls(ground: Ground) -> Report:
    report = _measured(ground, tls=True)
    report.promise(OURS, OFFICIAL, 0.40)
    report.promise(OURS, CURL, 1.15)
    return report


def _measured(ground: Ground, *, tls: bool) -> Report:
    image = stored_zip(ground.images, (8 << 20) if ground.small else (1 << 30), 4 if ground.small else 64)
    warm = noise(ground.images, 1 << 20)
    offered = [Offered("bench/one.zip", image.size, str(image.path)), Offered("bench/warm.bin", 65_536, str(warm.path))]
    trusted, certificate = ground.authority() if tls else ("", "")
    report = Report(f"one stream, {image.size >> 20} MiB, {'TLS' if tls else 'plain'}", _about(image))
    with ground.hub(Offer(offered, certificate=certificate)) as hub:
        files = files_of(hub, trusted)
        worker = Hired(hub.url, trusted)
        try:
            with ground.empty() as folder:
                worker.fetch(folder, files[1:])
            in_turn(report, _peers(ground, hub, image, worker, files, trusted), ground.pairs)
        finally:
            worker.stop()
    return report


def _about(image: Image) -> list[str]:
    lines = [
        f"{image.size >> 20} MiB in one piece of the hub's tar, in HTTP chunks of 8 KiB; ends with a verified file"
        " (SHA-256, every CRC).",
        "worker: from the lease to the last word about the file, in a process that runs already."
        " aihub get: the whole command, start-up and queue included.",
        "official way: curl, tar -x, cat of the pieces, unzip -t. Nothing but ours makes anything durable.",
    ]
    return [*lines, *(f"Without the official way: no {tool} here." for tool in peers.missing())]


def _peers(
    ground: Ground, hub: Hub, image: Image, worker: Hired, files: list[RemoteFile], trusted: str
) -> dict[str, Callable[[], Figures]]:
    key = files[0].key
    url = peers.address(hub.url, key)

    def measured(act: Callable[[Path], None], pids: list[int] | None = None, *, proved: bool = True) -> Figures:
        with ground.empty() as folder:
            served = hub.cpu
            with spending(pids) as spent:
                act(folder)
            _note_server(spent, hub.cpu - served, image.size)
            if proved:
                prove(folder, image)
        return spent.figures(image.size)

    def command(folder: Path) -> None:
        words = ("get", "90001", key, "--to", str(folder / "to"))
        peers.aihub(folder / "home", hub.url, *words, authority=trusted)

    found: dict[str, Callable[[], Figures]] = {
        OURS: partial(measured, lambda folder: worker.fetch(folder, files[:1]), [worker.pid]),
        COMMAND: partial(measured, command),
    }
    if not peers.missing():
        found[OFFICIAL] = partial(measured, lambda folder: peers.official(folder, url, trusted))
    if "curl" not in peers.missing():
        found[CURL] = partial(measured, lambda folder: peers.curl(folder, url, trusted), proved=False)
    return found


def _note_server(spent: Spending, cpu: float, payload: int) -> None:
    spent.facts["server's CPU s/GB"] = cpu / (payload / 1e9)
