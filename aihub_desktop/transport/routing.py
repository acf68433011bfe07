"""Where the bytes of a tar member belong: to which file, at which offset. Pure.

The hub sends NAME.part<byte offset>. A bare NAME, and an index instead of the offset (.part0 .part1 .part2), are
accepted as far as the sizes prove them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.names import UnsafeNameError, match_key, safe_path, split_piece
from aihub_desktop.sources.aihub.tarstream import Kind, Member

# The hub's pieces are of 1 GiB: a smaller number that fits nothing before it is an index, not an offset.
_SMALLEST_OFFSET: Final = 4096

K = TypeVar("K")


class Placement:
    """The offsets of one file's members in one answer."""

    def __init__(self) -> None:
        self._ends: dict[int, int] = {}  # by the member's number

    def offset(self, number: int, size: int) -> int:
        """The offset of the member with this number. Raises `ProblemError` MISPLACED where none is proved."""
        offset = self._offset(number)
        self._ends[number] = offset + size
        return offset

    def _offset(self, number: int) -> int:
        if number == 0 or number in self._ends.values():
            return number
        if number - 1 in self._ends:
            return self._ends[number - 1]
        if number < _SMALLEST_OFFSET:
            raise ProblemError(Code.MISPLACED, number=number)
        return number


class Router:
    """Finds the file of a member by its name, blanks and Unicode forms aside."""

    def __init__(self, paths: Iterable[tuple[int, str]]) -> None:
        """`paths`: (id, path as the source shows it), each path once."""
        self._ids = {match_key(path): id_ for id_, path in paths}
        self._placements = {id_: Placement() for id_ in self._ids.values()}

    def file_of(self, member: Member) -> tuple[int, int] | None:
        """(id, number) of the member's file, or None for one that was not asked for.

        Raises `ProblemError` HOSTILE_MEMBER for anything but a file with a name that stays below a folder.
        """
        name = member.name
        while name.startswith("./"):
            name = name[2:]
        if member.kind is Kind.DIRECTORY and name in ("", "."):
            return None
        found = split_piece(name)
        if member.kind is Kind.FILE:
            if (id_ := self._ids.get(match_key(name))) is not None:
                return id_, 0
            if found and (id_ := self._ids.get(match_key(found[0]))) is not None:
                return id_, found[1]
        elif member.kind is not Kind.DIRECTORY:
            raise _hostile(name, member.kind)
        try:
            safe_path(found[0] if found else name)
        except UnsafeNameError as error:
            raise _hostile(name, error.why) from error
        return None

    def offset(self, id_: int, number: int, size: int) -> int:
        """Raises `ProblemError` MISPLACED."""
        return self._placements[id_].offset(number, size)


def _hostile(name: str, why: str) -> ProblemError:
    # A name may hold lone surrogates, which no message can carry.
    shown = name.encode("utf-8", "backslashreplace").decode()[:300]
    return ProblemError(Code.HOSTILE_MEMBER, name=shown, why=why)
