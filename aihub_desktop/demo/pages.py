"""The hub's lists and trees as texts, written the way the hub writes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aihub_desktop.demo.catalogue import DemoDataset, DemoFile

_HEAD: Final = (
    "The contents are encoded in UTF-8 including Korean characters. \n"
    "If the following contents are not output normally, \n"
    "Please modify the character information of the OS. \n"
    "=================공지사항=================== \n"
)
_RULE: Final = "=========================================="
_UNITS: Final = (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10))

_Folder = dict[str, "_Folder | DemoFile"]


def listing(offers: Iterable[DemoDataset], *, packages: bool = False) -> str:
    """The list of datasets, or of packages."""
    kind = "DataPackage" if packages else "DataSet"
    rows = "".join(f"{offer.key}, {offer.title}\n" for offer in offers)
    return f"=================={kind} 목록==================\n{rows}{_RULE}\n"


def tree(offer: DemoDataset) -> str:
    """The tree of one dataset: branches of two widths, sizes rounded, in the order of `offer.files`."""
    root: _Folder = {}
    for file in offer.files:
        *folders, name = file.path.split("/")
        place = root
        for folder in folders:
            inner = place.setdefault(folder, {})
            if isinstance(inner, DemoFile):
                raise ValueError(f"both a file and a folder: {file.path}")
            place = inner
        place[name] = file
    notice = f"{offer.notice} \n" if offer.notice else ""
    return f"{_HEAD}{notice}{_RULE} \n\n" + "".join(_branches(root, "    "))


def shown_size(size: int) -> str:
    """A size as the trees show it: whole numbers of the largest binary unit that fits, rounded to the nearest."""
    for name, unit in _UNITS:
        if size >= unit:
            return f"{(size + unit // 2) // unit} {name}"
    return f"{size} Byte"


def _branches(folder: _Folder, before: str) -> Iterable[str]:
    for place, (name, inner) in enumerate(folder.items(), 1):
        last = place == len(folder)
        lead = f"{before}{'└─' if last else '├─'}{name}"
        if isinstance(inner, DemoFile):
            yield f"{lead} | {shown_size(inner.content.size)} | {inner.key}\n"
        else:
            yield f"{lead}\n"
            yield from _branches(inner, before + ("    " if last else "│  "))
