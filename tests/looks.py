"""A look at a folder, with the paths of each finding: the program itself keeps none of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aihub_desktop.domain.findings import Finding
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.verify import ManifestLine, listed, verify


@dataclass
class Looked:
    """Paths below the folder, in the order in which they were told of."""

    ok: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unproved: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    bytes: int = 0
    is_right: bool = False
    listed: int = 0

    def of(self, finding: Finding) -> list[str]:
        paths: list[str] = getattr(self, finding.value)
        return paths

    def hear(self, seen: Sequence[Seen]) -> None:
        for one in seen:
            self.of(one.finding).append(one.path)


def looked(folder: Path, **ways: Any) -> Looked:
    """As `verify`."""
    found = Looked()
    report = verify(folder, report=found.hear, **ways)
    assert {one: count for one, count in report.counts.items() if count} == {
        one: len(found.of(one)) for one in Finding if found.of(one)
    }
    found.bytes, found.is_right, found.listed = report.bytes, report.is_right, report.listed
    return found


def lines_of(data: bytes) -> list[ManifestLine]:
    """Of a list that somebody made."""
    return list(listed(io.BytesIO(data)))
