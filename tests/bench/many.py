"""Many small files, from nginx and from object storage: what a file costs decides, not the bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from . import peers, web
from .contents import Crowd, crowd
from .figures import Figures, Report, in_turn
from .ground import Ground, prove_all
from .spending import spending

OURS, ARIA, S5CMD = "aihub fetch", "aria2c -j16", "s5cmd cp"
BUCKET: Final = "bench"
_FIGURE: Final = "files/s"
_PROVED: Final = (
    "Every file's SHA-256 is compared after the time has been taken. Nothing but ours makes anything durable."
)


def plain(ground: Ground) -> Report:
    crowded = _crowd(ground)
    report = _report(crowded, "nginx", ("nginx", "aria2c"))
    report.about.append(
        "aihub fetch -i LIST --connections 16; aria2c -i LIST -j16. One worker of nginx, connections are kept."
    )
    if web.missing("nginx"):
        return report
    with web.nginx(ground.folder / "nginx", crowded.folder, ground.authority()[1]) as site:
        addresses = ground.folder / "addresses.txt"
        addresses.write_text("".join(f"{site.url}/{name}\n" for name in crowded.sums))
        measured = partial(_measured, ground, crowded, site)
        found: dict[str, Callable[[], Figures]] = {
            OURS: partial(measured, lambda folder: peers.fetch(folder, "-i", str(addresses), "--connections", "16"))
        }
        if not web.missing("aria2c"):
            found[ARIA] = partial(measured, lambda folder: peers.aria2c(folder / "to", "-i", str(addresses), "-j16"))
        in_turn(report, found, ground.pairs)
    report.promise(OURS, ARIA, 1.0, _FIGURE, at_least=True)
    return report


def objects(ground: Ground) -> Report:
    crowded = _crowd(ground)
    report = _report(crowded, "SeaweedFS", ("weed", "s5cmd"))
    report.about.append(
        "aihub fetch s3://BUCKET/ and s5cmd cp s3://BUCKET/*, each with as many connections as it takes by itself."
    )
    if web.missing("weed", "s5cmd"):
        return report
    with _filled(ground, crowded) as site:
        measured = partial(_measured, ground, crowded, site)

        def ours(folder: Path) -> None:
            peers.fetch(folder, f"s3://{BUCKET}/", "--endpoint", site.url, **web.keys())

        found: dict[str, Callable[[], Figures]] = {
            OURS: partial(measured, ours),
            S5CMD: partial(
                measured, lambda folder: peers.s5cmd(site.url, "cp", f"s3://{BUCKET}/*", f"{folder / 'to'}/")
            ),
        }
        in_turn(report, found, ground.pairs)
    report.promise(OURS, S5CMD, 1.0, _FIGURE, at_least=True)
    return report


def _crowd(ground: Ground) -> Crowd:
    return crowd(ground.images, 200 if ground.small else 20_000, 50_000)


def _report(crowded: Crowd, server: str, needed: tuple[str, ...]) -> Report:
    title = f"{len(crowded.sums):,} files of {crowded.size / 1e3:.0f} KB from {server}"
    return Report(title, [_PROVED, *(f"Without {name}: it is not here." for name in web.missing(*needed))])


@contextlib.contextmanager
def _filled(ground: Ground, crowded: Crowd) -> Iterator[web.Site]:
    """Object storage that holds the crowd; put there once for each folder of benchmarks."""
    place = ground.folder / f"objects-{len(crowded.sums)}"
    note = place.with_suffix(".filled")
    with web.weed(place) as site:
        if not note.exists():
            peers.s5cmd(site.url, "mb", f"s3://{BUCKET}")
            peers.s5cmd(site.url, "cp", f"{crowded.folder}/", f"s3://{BUCKET}/")
            note.touch()
        yield site


def _measured(ground: Ground, crowded: Crowd, site: web.Site, act: Callable[[Path], None]) -> Figures:
    count = len(crowded.sums)
    with ground.empty() as folder:
        served = site.cpu
        with spending() as spent:
            act(folder)
        server = site.cpu - served
        prove_all(folder / "to", crowded.sums)
    figures = {"seconds": spent.wall, _FIGURE: count / spent.wall, "server's CPU ms/file": 1000 * server / count}
    if spent.cpu is not None:
        figures["CPU ms/file"] = 1000 * spent.cpu / count
    return figures
