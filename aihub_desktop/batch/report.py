"""NAME.aihubreport: what came of an import, and all that the folder holds now. It is carried back.

{"aihubreport": 1, "machine": …, "group": …, "wanted": [2], "bad": [{"place", "fate"}], "files": 2, …}
{"place": …, "sha256": …, …}        one for each file that it holds, as in a request
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch.documents import Paper, encoded, write_document
from aihub_desktop.batch.importing import BAD, Fate, Verdict
from aihub_desktop.batch.machine import Machine
from aihub_desktop.batch.values import SHA256, Held, is_moment
from aihub_desktop.domain.model import Count
from aihub_desktop.transport.ledger import moment

SUFFIX: Final = ".aihubreport"
VERSION: Final = 1
_KIND: Final = "aihubreport"


class Bad(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    place: str
    fate: str


class ReportHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`wanted`: numbers of drives of the set that did not come yet."""

    aihubreport: int
    machine: Machine
    folder: str
    groups: tuple[str, ...]
    at: str
    files: Count
    arrived: Count = 0
    wanted: tuple[int, ...] = ()
    bad: tuple[Bad, ...] = ()


def head_of(
    machine: Machine, folder: Path, groups: Iterable[str], verdicts: Sequence[Verdict], files: int
) -> ReportHead:
    """Of a report made now."""
    told = [one for verdict in verdicts for one in verdict.told]
    return ReportHead(
        VERSION, machine, str(folder), tuple(dict.fromkeys(groups)), moment(), files,
        sum(one.fate is Fate.ARRIVED for one in told),
        tuple(sorted({number for verdict in verdicts for number in verdict.wanted})),
        tuple(Bad(one.story.place, one.fate) for one in told if one.fate in BAD),
    )  # fmt: skip


def write_report(path: Path, head: ReportHead, held: Sequence[Held]) -> None:
    """Raises `ProblemError`."""
    write_document(path, encoded(head, held))


def read_report(path: Path) -> tuple[ReportHead, list[Held]]:
    """Raises `ProblemError` as `Paper` does."""
    with Paper(path, _KIND, VERSION) as paper:
        head = paper.head(ReportHead)
        if not (head.machine.is_right and is_moment(head.at)):
            raise paper.refusal("document-head")
        held = list(paper.lines(Held, head.files))
        if any(SHA256.fullmatch(one.sha256) is None for one in held):
            raise paper.refusal("document-line")
        return head, held
