"""One stream, as fast as it goes: the hub's tar of one stored zip, to the verified file."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aihub_desktop.domain.model import RemoteFile

from . import peers
from .contents import Image, noise, stored_zip
from .figures import Figures, Report, Target, in_turn
from .ground import Ground, Hub, files_of, prove
from .hired import Hired
from .origin import Offer, Offered
from .spending import spending

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
            in_turn(report, _Course(ground, hub, image, worker, files, trusted).peers(), ground.pairs)
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


@dataclass(frozen=True, slots=True)
class _Course:
    """Everything that a run needs, the same for all peers."""

    ground: Ground
    hub: Hub
    image: Image
    worker: Hired
    files: list[RemoteFile]
    trusted: str

    def peers(self) -> dict[str, Callable[[], Figures]]:
        key, trusted = self.files[0].key, self.trusted
        url = peers.address(self.hub.url, key)
        found: dict[str, Callable[[], Figures]] = {
            OURS: partial(self._measured, self._by_worker, [self.worker.pid]),
            COMMAND: partial(self._measured, self._by_command),
        }
        if not peers.missing():
            found[OFFICIAL] = partial(self._measured, lambda folder: peers.official(folder, url, trusted))
        if "curl" not in peers.missing():
            curl = partial(self._measured, lambda folder: peers.curl(folder, url, trusted), proved=False)
            found[CURL] = curl
        return found

    def _by_worker(self, folder: Path) -> None:
        self.worker.fetch(folder, self.files[:1])

    def _by_command(self, folder: Path) -> None:
        words = ("get", "90001", self.files[0].key, "--to", str(folder / "to"))
        peers.aihub(folder / "home", self.hub.url, *words, authority=self.trusted)

    def _measured(self, act: Callable[[Path], None], pids: list[int] | None = None, *, proved: bool = True) -> Figures:
        with self.ground.empty() as folder:
            served = self.hub.cpu
            with spending(pids) as spent:
                act(folder)
            spent.facts["server's CPU s/GB"] = (self.hub.cpu - served) / (self.image.size / 1e9)
            if proved:
                prove(folder, self.image)
        return spent.figures(self.image.size)
