"""The end of a bag: its lists, their tag manifest, a signature, and bagit.txt, which makes it one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop import __version__
from aihub_desktop.batch import bag
from aihub_desktop.batch.bundle import BundleSet, OpenBag
from aihub_desktop.batch.bundle_files import COPIED, FILES, MISSING, PLAN, PROGRAM
from aihub_desktop.batch.documents import encoded, write_document
from aihub_desktop.batch.values import Carried, Missing
from aihub_desktop.disk.files import disk_error, sync_folder
from aihub_desktop.disk.patience import remove

_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")
Sign = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Label:
    """What a person may say of a bundle."""

    organization: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """`fetched`: what fetch.txt names. `program`: (SHA-256, path from the bag) of what lies beside the first bag."""

    label: Label
    missing: Sequence[Missing] = ()
    fetched: Sequence[Carried] = ()
    program: Sequence[tuple[str, str]] = ()
    sign: Sign | None = None


def sealed(bundle: BundleSet, carried: Sequence[Carried], seal: Seal) -> None:
    """Every bag is whole and durable when this returns. Raises `ProblemError`."""
    for one in bundle.bags:
        one.drive.must_be_there()
        if not (one.folder / bag.BAGIT).exists():
            _seal(one, bundle, carried, seal)
    for one in bundle.bags:  # not before: the plans are what the others are found again by
        try:
            for name in (PLAN, COPIED):
                remove(one.folder / name)
            sync_folder(one.folder)
        except OSError as error:
            raise disk_error(error, one.folder) from error


def _seal(one: OpenBag, bundle: BundleSet, carried: Sequence[Carried], seal: Seal) -> None:
    number = one.head.bag
    # What has no bytes to carry has to be told somewhere.
    own = [each for each in carried if _is_of(each, number)] + [each for each in seal.fetched if number == 1]
    head = msgspec.structs.replace(one.head, files=len(own), missing=len(seal.missing))
    sums = {
        portion.path: portion.sha256 or each.story.sha256
        for each in own
        for portion in each.portions
        if portion.bag == number
    }
    there = [portion for each in own if not each.fetch for portion in each.portions if portion.bag == number]
    documents = {
        FILES: list(encoded(head, own)),
        bag.MANIFEST: list(bag.manifest_text(sums.items())),
        bag.INFO: [bag.info_text(_info(one, bundle, (sum(p.length for p in there), len(there)), seal))],
    }
    if number == 1:
        documents |= _of_the_first(head, seal)
    _write(one.folder, documents, seal.sign)


def _is_of(carried: Carried, number: int) -> bool:
    return any(portion.bag == number for portion in carried.portions) or (not carried.portions and number == 1)


def _of_the_first(head: msgspec.Struct, seal: Seal) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    if seal.missing:
        found[MISSING] = [msgspec.json.encode(one) + b"\n" for one in seal.missing]
    if seal.program:
        found[PROGRAM] = [f"{sha256}  {path}\n".encode() for sha256, path in seal.program]
    if seal.fetched:
        lines = [(one.story.key, one.story.size, one.portions[0].path) for one in seal.fetched]
        found[bag.FETCH] = [bag.fetch_text(lines)]
    return found


def _write(folder: Path, documents: dict[str, list[bytes]], sign: Sign | None) -> None:
    sums = [(bag.BAGIT, hashlib.sha256(bag.DECLARATION).hexdigest())]
    for name, blocks in documents.items():
        write_document(folder / name, blocks)
        sums.append((name, hashlib.sha256(b"".join(blocks)).hexdigest()))
    write_document(folder / bag.TAG_MANIFEST, bag.manifest_text(sums))
    if sign is not None:
        sign(folder / bag.TAG_MANIFEST)
    _drop_empty(folder)
    write_document(folder / bag.BAGIT, [bag.DECLARATION])


def _drop_empty(folder: Path) -> None:
    """Folders that were made for files that could not be carried."""
    for above, folders, names in os.walk(folder / "data", topdown=False):
        if not folders and not names and Path(above) != folder / "data":
            Path(above).rmdir()


def _info(one: OpenBag, bundle: BundleSet, oxum: tuple[int, int], seal: Seal) -> list[tuple[str, str]]:
    head = one.head
    described = seal.label.description or f"Dataset files for the machine {head.to.name}, made on {head.by.name}"
    if seal.missing:
        described += f"; {len(seal.missing)} wanted files are not in it, see {MISSING}"
    fields = [("Source-Organization", seal.label.organization)] if seal.label.organization else []
    return [
        *fields,
        ("External-Description", described),
        ("External-Identifier", head.request),
        ("Bagging-Date", head.at[:10]),
        ("Bag-Size", _size(oxum[0])),
        ("Payload-Oxum", f"{oxum[0]}.{oxum[1]}"),
        ("Bag-Group-Identifier", head.group),
        ("Bag-Count", f"{head.bag} of {head.bags}"),
        ("Bag-Software-Agent", f"AI Hub Desktop {__version__}"),
    ]


def _size(count: int) -> str:
    value, power = float(count), 0
    while value >= 1000 and power < len(_UNITS) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {_UNITS[power]}" if power else f"{count} bytes"
