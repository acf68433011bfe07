"""Targets that write what an archive says: every entry onto disk, and nothing of it beside."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from aihub_desktop.archives import entry, naming, opening, tarreader, zipdirectory, zipreader
from aihub_desktop.domain import names
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.names import OWN_FOLDER, clash_key, entry_path
from aihub_desktop.domain.unpacking import Unpacked, UnpackNews, UnpackWish
from aihub_desktop.unpack import extraction, hand, landing, places, preflight, record, site
from aihub_desktop.unpack.job import Unpacking

from .archives import mended_tar, mended_zip, wide_zip, written
from .target import Target, chance, holds, same

_READERS: Final = (entry, naming, opening, tarreader, zipdirectory, zipreader, names)
_WRITERS: Final = (extraction, hand, landing, places, preflight, record, site)
_NAMES: Final = (
    *("라벨/하나.json", "라벨/하나.JSON", "/abs", "../out", "a/../b", "C:\\x", "a\\b", "con.txt", "a.", "끝 "),
    *("__MACOSX/x", ".DS_Store", f"{OWN_FOLDER}/log.jsonl", "x" * 300, "a\nb", "d/", "d", "d/e", "가", "\u1100\u1161"),
)


def _unpacks(data: bytes, folder: Path) -> None:
    """Twice, for the second run has to find all that the first one made."""
    home = folder / "home"
    name = "a.zip" if data[:2] == b"PK" else "a.tar"
    written(home / name, data)
    nested = chance(data).random() < 0.3
    first, again = (_run(UnpackWish(str(home), [name], nested=nested)) for _ in range(2))
    holds("a bug", all(one.problem is None or one.problem.code is not Code.BUG for one in (*first, *again)))
    same("the archives of a second run", [one.place for one in again], [one.place for one in first])
    same("the archive", (home / name).read_bytes(), data)
    found = list(_files(home / "a")) if (home / "a").exists() else []
    holds("a link, or no file", all(stat.S_ISREG(os.lstat(path).st_mode) for path in found))
    if not nested and first[0].problem is None:
        same("entries", first[0].entries, len(found))
        same("bytes", first[0].bytes, sum(path.stat().st_size for path in found))


def _run(wish: UnpackWish) -> list[Unpacked]:
    told: list[UnpackNews] = []
    Unpacking(wish, told.append, threads=1, floor=0).run()
    return [one for one in told if isinstance(one, Unpacked)]


def _files(folder: Path) -> list[Path]:
    return [Path(root, name) for root, _, files in os.walk(folder) for name in files]


def _names_an_entry(data: bytes, folder: Path) -> None:
    """A safe path stays as it is when it is asked once more, and leads nowhere else."""
    del folder
    for text in data.decode("utf-8", "surrogateescape").split("\0"):
        try:
            path, changed = entry_path(text)
        except names.UnsafeNameError:
            continue
        same("a safe path, made safe", entry_path(str(path)), (path, False))
        holds("a path that leads out", not {"", ".", ".."} & set(str(path).split("/")))
        holds("another text, and no word of it", changed or clash_key(str(path)) == clash_key(text.replace("\\", "/")))


def _archives() -> list[bytes]:
    return [
        _zip(_NAMES[:6]),
        _zip(_NAMES[6:14]),
        _zip(_NAMES[14:]),
        wide_zip(),
        _tar(_NAMES[:7]),
        _tar(_NAMES[7:]),
        _inner(),
    ]


def _zip(wanted: tuple[str, ...]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(wanted):
            archive.writestr(zipfile.ZipInfo(name), b"%d" % number * number)
    return out.getvalue()


def _tar(wanted: tuple[str, ...]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number, name in enumerate(wanted):
            info = tarfile.TarInfo(name)
            info.size = number
            archive.addfile(info, io.BytesIO(bytes(number)))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo("special")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return out.getvalue()


def _inner() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inner.zip", _zip(_NAMES[:3]))
        archive.writestr("inner.tar", _tar(_NAMES[:3]))
    return out.getvalue()


def _mended(data: bytes) -> bytes:
    return mended_zip(data) if data[:2] == b"PK" else mended_tar(data)


TARGETS: Final = (
    Target("unpack", _unpacks, (*_READERS, *_WRITERS), _archives, may_raise=(), mend=_mended),
    Target("entry-names", _names_an_entry, (names,), lambda: [name.encode() for name in _NAMES], may_raise=()),
)
