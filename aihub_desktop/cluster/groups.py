"""Which files a worker receives in one task: as many as the hub would be asked for at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from aihub_desktop.domain.model import RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.domain.settings import Settings

# Below this an engine and a stream of its own cost more than they bring.
_WORTH_A_TASK: Final = 8 << 20
_UNKNOWN: Final = 1 << 20  # bytes that a file of unknown size counts for
_SMALL_FILES: Final = 256  # of a place that serves ranges


def groups(files: Sequence[RemoteFile], settings: Settings, tasks: int) -> list[list[RemoteFile]]:
    """The largest first, so that none begins when all others have ended. `tasks`: how many may be out at once.

    The volumes of a split set stay together, for only together can they be proved. A file without a safe name stands
    for itself.
    """
    sets = whole_sets((number, _place(file)) for number, file in enumerate(files))
    together = [[files[number] for number in unit] for unit in dict.fromkeys(sets.values())]
    alone = [file for number, file in enumerate(files) if number not in sets]
    share = sum(file.size.high for file in alone) // max(1, tasks)
    room = min(settings.bundle_bytes, max(_WORTH_A_TASK, share))
    return sorted([*together, *_filled(alone, room, settings.bundle_files)], key=_bytes, reverse=True)


def _filled(files: Iterable[RemoteFile], room: int, count: int) -> list[list[RemoteFile]]:
    found: list[list[RemoteFile]] = []
    taken = 0
    for file in files:
        most = count if file.origin is None else _SMALL_FILES
        size = _UNKNOWN if file.size.is_unknown else file.size.high
        if found and len(found[-1]) < most and taken + size <= room:
            found[-1].append(file)
            taken += size
        else:
            found.append([file])
            taken = size
    return found


def _bytes(group: list[RemoteFile]) -> int:
    return sum(file.size.high for file in group)


def _place(file: RemoteFile) -> str:
    try:
        return str(safe_path(file.path))
    except UnsafeNameError:
        return ""
