"""What this program is made of, and under which licences: read from the packages themselves.

A frozen program has no packages left to ask; what it was made of was written down when it was frozen.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final

import msgspec

from aihub_desktop.system.resources import resource

OWN: Final = "aihub-desktop"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TEXTS: Final = re.compile(r"(?i)(^|/)(licen[cs]e|copying|notice|authors)[^/]*$")
_LONGEST: Final = 200_000
# Qt's wheels tell their licence and hold no text of it.
_QT: Final = frozenset({"pyside6-essentials", "shiboken6"})
_QT_SOURCE: Final = "https://code.qt.io"


class Component(msgspec.Struct, frozen=True):
    """One package: its licence in a few words, and the texts that came with it."""

    name: str
    version: str
    licence: str
    text: str


def components() -> list[Component]:
    """This program first, Python second, then what they need, by name."""
    frozen = resource("licences.json.gz")
    if frozen.is_file():
        return msgspec.json.decode(gzip.decompress(frozen.read_bytes()), type=list[Component])
    found: dict[str, Distribution] = {}
    waiting = [OWN]
    while waiting:
        name = waiting.pop()
        if _plain(name) in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue  # of another system
        found[_plain(name)] = package
        waiting += needed(package)
    own = found.pop(OWN, None)
    first = [] if own is None else [component(own)]
    python = Component("Python", sys.version.partition(" ")[0], "PSF-2.0", sys.copyright)
    return [*first, python, *(component(found[name]) for name in sorted(found))]


def needed(package: Distribution) -> Iterator[str]:
    """The names of what it asks for, on whatever system, extras aside."""
    for line in package.requires or ():
        requirement, _, marker = line.partition(";")
        if "extra" not in marker and (name := _NAME.match(requirement.strip())):
            yield name[0]


def component(package: Distribution) -> Component:
    """What an installed package says of itself."""
    about = package.metadata
    name = about["Name"]
    return Component(name, package.version, _licence(package), _text(package))


def _licence(package: Distribution) -> str:
    about = package.metadata.json
    if told := about.get("license_expression"):
        return str(told)
    lines = package.metadata.get_all("Classifier") or []
    classifiers = [line.rpartition(" :: ")[2] for line in lines if "License ::" in line]
    told = about.get("license", "")
    # Some give the whole text here.
    return str(told) if told and "\n" not in told and len(told) < 80 else ", ".join(classifiers)


def _text(package: Distribution) -> str:
    texts = [
        file.locate().read_text(encoding="utf-8", errors="replace")  # type: ignore[attr-defined]
        for file in package.files or ()
        if _TEXTS.search(str(file)) and not str(file).endswith((".py", ".pyc"))
    ]
    if _plain(package.metadata["Name"]) in _QT:
        texts.insert(0, f"LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only\n\n{_QT_SOURCE}\n")
    return "\n\n".join(texts)[:_LONGEST]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
