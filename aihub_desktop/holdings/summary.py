"""What lies in a target folder, in a few numbers: read from its ledger, beside which nobody else has to be asked."""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from aihub_desktop.disk.files import native, plain_file
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.holdings import Summary, is_archive
from aihub_desktop.domain.model import HUB, Dataset
from aihub_desktop.transport.ledger import LOG, MANIFEST, Entry, Ledger, own_folder

_UNKNOWN: Final = Dataset("", "", "")


def signature(folder: Path | str) -> str:
    """What is another text once the ledger was written to; "" where the folder has none. Raises `ProblemError`."""
    own = own_folder(native(folder))
    try:
        states = [plain_file(own / name) for name in (MANIFEST, LOG)]
    except ProblemError as error:
        if error.problem.code is Code.TARGET_MISSING:
            return ""
        raise
    if states[0] is None:
        return ""
    return " ".join(f"{state.st_size}:{state.st_mtime_ns}" if state else "-" for state in states)


def summarise(folder: Path | str, released: Mapping[str, str] | None = None) -> Summary:
    """The ledger in numbers. `released`: path by file key, as the dataset has them now; None where nobody
    knows.

    Raises `ProblemError`: what the disk says, IN_THE_WAY where `.aihub` is a link.
    """
    seen = signature(folder)
    entries = list(Ledger(folder).entries().values())
    sizes = [_size(native(folder), entry) for entry in entries]
    moments = [at for entry in entries if (at := moment_of(entry.at)) is not None]
    datasets = Counter((entry.source, entry.dataset, entry.package) for entry in entries if entry.source)
    return Summary(
        dataset=_most(datasets),
        datasets=max(1, len(datasets)),
        files=len(entries),
        bytes=sum(size for size in sizes if size is not None),
        unsized=sizes.count(None),
        archives=sum(is_archive(entry.place) for entry in entries),
        proofs=dict(Counter(entry.proof for entry in entries)),
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
        newer=_newer(entries, _most(datasets), released),
        seen=seen,
    )


def _most(datasets: Counter[tuple[str, str, bool]]) -> Dataset:
    for (source, key, package), _ in datasets.most_common(1):
        return Dataset(source, key, "", package)
    return _UNKNOWN


def _newer(entries: Iterable[Entry], dataset: Dataset, released: Mapping[str, str] | None) -> int:
    """Files of the dataset whose key it has no more, or for another path: it was released anew since."""
    if not released or dataset.source != HUB:
        return 0
    mine = (dataset.source, dataset.key, dataset.package)
    return sum(
        entry.key != "" and released.get(entry.key) != entry.path
        for entry in entries
        if (entry.source, entry.dataset, entry.package) == mine
    )


def _size(root: Path, entry: Entry) -> int | None:
    """As the ledger has it; of a line that another program wrote, as the disk has it."""
    if entry.size is not None:
        return entry.size
    with contextlib.suppress(OSError, ValueError):
        state = os.lstat(root / entry.place)
        if stat.S_ISREG(state.st_mode):
            return state.st_size
    return None


def moment_of(text: str) -> float | None:
    """`Entry.at` in seconds since 1970, None for what is no moment."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except (ValueError, OverflowError, OSError):
        return None
