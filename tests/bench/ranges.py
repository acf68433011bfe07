"""One file over 1, 4 and 8 connections, from nginx to the file whose SHA-256 was compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from . import peers, web
from .contents import Content, bare
from .figures import Figures, Report, in_turn
from .ground import Ground, prove_all
from .spending import spending

OURS, ARIA, CURL = "aihub fetch", "aria2c", "curl, saves alone"
SAVES: Final = "aria2c --auto-save-interval=1"
CONNECTIONS: Final = (1, 4, 8)


def plain(ground: Ground) -> Report:
    report = _measured(ground, tls=False)
    for count in CONNECTIONS:
        ours = _over(OURS, count)
        report.promise(ours, _over(ARIA, count), 3.0, "MB/s", at_least=True)
        report.promise(ours, CURL, 1.0, "MB/s", at_least=True)
        report.promise(ours, _over(ARIA, count), 1.0, "CPU s/GB")
    return report


def tls(ground: Ground) -> Report:
    report = _measured(ground, tls=True)
    for count in CONNECTIONS:
        report.promise(_over(OURS, count), _over(ARIA, count), 1.8, "MB/s", at_least=True)
        report.promise(_over(OURS, count), _over(ARIA, count), 1.0, "CPU s/GB")
    return report


def _over(peer: str, count: int) -> str:
    return f"{peer}, {count} connection{'s' if count > 1 else ''}"


def _measured(ground: Ground, *, tls: bool) -> Report:
    report = Report(f"one file in ranges, {'TLS' if tls else 'plain'}", [])
    if lacking := web.missing("nginx"):
        report.about.append(f"Not run: no {', '.join(lacking)} here.")
        return report
    content = bare(ground.images, (16 << 20) if ground.small else (2 << 30))
    report.title += f", {content.size >> 20} MiB"
    report.about += [
        "nginx: one worker, sendfile, keep-alive. The whole command each time, start-up included.",
        "aihub fetch --checksum: SHA-256 while the bytes come, durable, under its final name."
        " aria2c --checksum: reads the file again for its SHA-256, makes nothing durable.",
        "Where aria2c notes its state every second (it does so every minute by itself) it writes less at once, which a"
        " virtual machine may serve faster: that is shown beside, without a target.",
        "curl: one connection, saves the file and checks nothing. CPU: user and system of all processes of a peer.",
        *(f"Without {name}: it is not here." for name in web.missing("aria2c", "curl")),
    ]
    trusted, certificate = ground.authority()
    with web.nginx(ground.folder / "nginx", content.path.parent, certificate) as site:
        url = f"{site.secure if tls else site.url}/{content.path.name}"
        in_turn(report, _Course(ground, content, url, trusted if tls else "", site).peers(), ground.pairs)
    return report


@dataclass(frozen=True, slots=True)
class _Course:
    ground: Ground
    content: Content
    url: str
    trusted: str
    site: web.Site

    def peers(self) -> dict[str, Callable[[], Figures]]:
        found: dict[str, Callable[[], Figures]] = {}
        for count in CONNECTIONS:
            found[_over(OURS, count)] = partial(self._measured, partial(self._ours, count))
            if not web.missing("aria2c"):
                found[_over(ARIA, count)] = partial(self._measured, partial(self._aria, count))
        if not web.missing("aria2c"):
            often = partial(self._aria, CONNECTIONS[-1], "--auto-save-interval=1")
            found[_over(SAVES, CONNECTIONS[-1])] = partial(self._measured, often)
        if not web.missing("curl"):
            found[CURL] = partial(self._measured, self._curl)
        return found

    def _ours(self, count: int, folder: Path) -> None:
        words = (self.url, "--checksum", f"sha-256:{self.content.sha256}", "--connections", str(count))
        peers.fetch(folder, *words, authority=self.trusted)

    def _aria(self, count: int, *words: str | Path) -> None:
        """The last of `words` is the folder of the run."""
        *more, folder = words
        asked = (f"-x{count}", f"-s{count}", "-k1M", f"--checksum=sha-256={self.content.sha256}", self.url)
        peers.aria2c(Path(folder) / "to", *map(str, more), *asked, authority=self.trusted)

    def _curl(self, folder: Path) -> None:
        (folder / "to").mkdir()
        peers.curl(folder / "to", self.url, self.trusted, to=self.content.path.name)

    def _measured(self, act: Callable[[Path], None]) -> Figures:
        with self.ground.empty() as folder:
            served = self.site.cpu
            with spending() as spent:
                act(folder)
            spent.facts["server's CPU s/GB"] = (self.site.cpu - served) / (self.content.size / 1e9)
            prove_all(folder / "to", {self.content.path.name: self.content.sha256})
        return spent.figures(self.content.size)
