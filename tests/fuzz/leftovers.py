"""Targets that survey a folder of what other tools left and take it over, and put wrongly merged files right."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import unicodedata
import zipfile
from pathlib import Path
from typing import Final

from aihub_desktop.archives import volumes, zipdirectory, zipformat
from aihub_desktop.archives.volumes import Extent
from aihub_desktop.domain.adoption import Fate
from aihub_desktop.domain.model import HUB, RemoteFile, SizeRange
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.holdings import (
    adopt,
    copying,
    cuts,
    evidence,
    finds,
    leftovers,
    misjoin,
    misjoin_gzip,
    misjoin_set,
    misjoin_tar,
    placing,
    proving,
    survey,
    tarmap,
    zipseams,
)
from aihub_desktop.holdings.adopt import Adoption
from aihub_desktop.holdings.fates import Told, Ways
from aihub_desktop.holdings.finds import Survey
from aihub_desktop.transport.ledger import Ledger

from .archives import mended_tar, mended_zip, split_set, written
from .target import SEAM, Target, chance, holds, same

_READERS: Final = (survey, tarmap, leftovers, finds, zipseams, cuts, misjoin, misjoin_tar, misjoin_gzip, misjoin_set)
_TAKERS: Final = (adopt, proving, copying, placing, evidence)
_TREE: Final = (
    "라벨/하나 둘.zip",
    "가/a.tar",
    "가/a.tar.gz",
    "b.csv",
    "나/s.z01",
    "나/s.z02",
    "나/s.zip",
    "c.json",
    "c.pdf",
)
_PIECE: Final = 400


def _takes_over(data: bytes, folder: Path) -> None:
    """What is adopted is in the ledger and on disk with its hash; what was found stays, and nothing lies outside."""
    home = folder / "home"
    home.mkdir()
    names, *contents = data.split(SEAM)[:9]
    for name, content in zip(names.decode("utf-8", "surrogateescape").split("\n"), contents, strict=False):
        _put(home, name, content)
    before = _files(home)
    dice = chance(data)
    goal = home if dice.random() < 0.5 else folder / "goal"
    tree = _tree(dice.random() < 0.3)
    found = survey.survey(home, tree, goal)
    same("files after a survey", _files(home), before)
    told: list[Told] = []
    Adoption(found, told.append, ways=Ways(set_aside=dice.random() < 0.3)).run()
    _check(found, told, goal)
    after = _files(home)
    kept = {content for path, content in after.items() if not path.startswith(OWN_FOLDER)}
    holds(
        "a file that was found is gone", all(content in kept for path, content in before.items() if _is_foreign(path))
    )
    again = survey.survey(home, tree, goal)
    adopted = {one.work.id for one in told if one.fate is Fate.ADOPTED}
    holds("what was adopted is not recorded", adopted <= again.recorded())


def _check(found: Survey, told: list[Told], goal: Path) -> None:
    same("files told twice", len({one.work.id for one in told}), len(told))
    same("files told of", {one.work.id for one in told}, set(found.by_work()))
    entries = Ledger(goal).entries()
    for one in told:
        path = goal / one.work.place
        if one.fate is Fate.ADOPTED:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            same("a hash in the ledger", entries[unicodedata.normalize("NFC", one.work.place)].sha256, digest)
            holds("a size that the tree does not allow", one.work.file.size.allows(one.size))


def _is_foreign(path: str) -> bool:
    return not path.startswith(OWN_FOLDER) and ".part" not in path


def _put(home: Path, name: str, content: bytes) -> None:
    """Hostile names come in archives; what lies in a folder has a name that a file system takes."""
    path = home / name.replace("\0", "").lstrip("/")
    if ".." in path.parts or any(len(os.fsencode(part)) > 200 for part in path.parts) or path == home:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except (OSError, UnicodeError):
        return


def _files(home: Path) -> dict[str, bytes]:
    return {
        os.path.relpath(os.path.join(top, name), home): Path(top, name).read_bytes()
        for top, _, names in os.walk(home)
        for name in names
    }


def _tree(twice: bool) -> list[RemoteFile]:
    size = SizeRange(0, 1 << 20, "1 MB")
    found = [RemoteFile(HUB, "7", str(number), path, size) for number, path in enumerate(_TREE)]
    return [*found, RemoteFile(HUB, "7", "99", "다른/b.csv", size)] if twice else found


def _seeds() -> list[bytes]:
    packed, tar = _zip(), _tar({f"{number}.txt": b"x" * 300 for number in range(4)})
    gz = gzip.compress(tar, mtime=0)
    first, *middle, last = split_set(400)
    hub = _tar({f"라벨/하나_둘.zip.part{at}": packed[at : at + _PIECE] for at in range(0, len(packed), _PIECE)})
    pieces = [packed[at : at + _PIECE] for at in range(0, len(packed), _PIECE)]
    return [
        _folder({"라벨/하나_둘.zip": packed, "가/a.tar": tar, "가/a.tar.gz": gz, "b.csv": b"1,2\n"}),
        _folder({"하나 둘 (1).zip": packed, "x/a.tar": tar[512:] + tar[:512], "a.tar.gz": gz[90:] + gz[:90]}),
        _folder({"나/s.z01": first, "나/s.z02": b"".join(middle), "나/s.zip": last, "c.json": b"{}"}),
        _folder({"download.tar": hub}),
        _folder({"x.crdownload": hub[: len(hub) // 2], "c.pdf": b"%PDF-1\n%%EOF", "다른/b.csv": b"3"}),
        _folder({f"하나_둘.zip.part{at * _PIECE}": piece for at, piece in enumerate(pieces)}),
        _folder({"라벨/하나_둘.zip": b"".join(pieces[::-1])}),
        _folder({unicodedata.normalize("NFD", "라벨/하나_둘.zip"): packed, f"{OWN_FOLDER}/manifest-sha256.txt": b"x"}),
    ]


def _folder(files: dict[str, bytes]) -> bytes:
    return SEAM.join(["\n".join(files).encode(), *files.values()])


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(zipfile.ZipInfo(f"라벨/{number}.json"), bytes(range(256)) * number)
    return out.getvalue()


def _tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _mended(data: bytes) -> bytes:
    names, *contents = data.split(SEAM)
    return SEAM.join([names, *(mended_zip(one) if one[:2] == b"PK" else mended_tar(one) for one in contents)])


def _puts_right(data: bytes, folder: Path) -> None:
    """Whatever order is found has every byte once."""
    dice = chance(data)
    hints = (dice.choice((1024, 1536, 4096)), 512)
    path = written(folder / "a", data)
    _check_order(misjoin_tar.right_order(path, len(data), hints), path, len(data))
    _check_order(misjoin_gzip.right_order(path, len(data), hints), path, len(data))
    for order in misjoin.right_orders(path, len(data), hints):
        _check_order(order, path, len(data))
    volumes = [(written(folder / str(number), part), len(part)) for number, part in enumerate(data.split(SEAM)[:5])]
    orders = [(Extent(one, 0, size),) for one, size in volumes]
    for number, order in misjoin_set.right_orders(orders, hints).items():
        _check_order(order, *volumes[number])


def _check_order(order: tuple[Extent, ...] | None, path: Path, size: int) -> None:
    at = 0
    for extent in sorted(order or (), key=lambda extent: extent.at):
        same("where a piece begins", (extent.path, extent.at), (path, at))
        at += extent.length
    holds("pieces of another length", order is None or at == size)


def _shuffled() -> list[bytes]:
    tar = _tar({f"{number}.txt": b"%d" % number * (300 * number) for number in range(9)})
    gz = gzip.compress(bytes(range(256)) * 9 + _zip() + tar, mtime=0)
    first, *rest = split_set(1500)
    found = [_in_pieces(data, size) for data in (tar, gz, _zip()) for size in (512, 1024)]
    return [*found, SEAM.join([_in_pieces(first, 512), *rest]), tar]


def _in_pieces(data: bytes, size: int) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(pieces[:1] + pieces[:0:-1])


TARGETS: Final = (
    Target("misjoins", _puts_right, _READERS, _shuffled, may_raise=(), mend=_mended, tokens=(SEAM, b"ustar  \0")),
    Target(
        "leftovers",
        _takes_over,
        (*_READERS, *_TAKERS, volumes, zipdirectory, zipformat),
        _seeds,
        may_raise=(),
        mend=_mended,
        tokens=(
            b".part0",
            b".part65536",
            b".tar",
            b"PK\5\6",
            b"PK\1\2",
            b"PK\3\4",
            b"\x1f\x8b\x08",
            SEAM,
            b"/",
            b".bad",
        ),
        longest=48 << 10,
    ),
)
