"""What is fuzzed: how bytes are given to a piece of the program, and what it may answer.

A new target is a function and a line in `TARGETS` of a module that `targets` names:

    def _reads(data: bytes, folder: Path) -> None:      # whatever it raises beyond `may_raise` is a finding
        read_entries(written(folder, data))

    Target("entries", _reads, modules=(entries,), seeds=lambda: [whole_archive()])
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Final

from aihub_desktop.domain.faults import Code, ProblemError

# Between the parts of an input that is several files: mutations move it, and so cut the parts in new ways.
SEAM: Final = b"\n~seam~\n"


class WrongError(AssertionError):
    """Two ways to read the same bytes came to different ends. The text says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """`run(data, folder)`: `folder` is empty and the only place that may be written to; it is called with any bytes.

    `modules`: the code whose new paths make an input worth keeping. `mend`: what a mutation breaks first and a
    writer would set right, such as checksums; half of the inputs are mended. `tokens`: bytes that mean something.
    `longest`: of inputs that are kept.
    """

    name: str
    run: Callable[[bytes, Path], None]
    modules: tuple[ModuleType, ...]
    seeds: Callable[[], Sequence[bytes]]
    may_raise: tuple[type[Exception], ...] = (ProblemError,)
    mend: Callable[[bytes], bytes] | None = None
    tokens: tuple[bytes, ...] = ()
    longest: int = 16 << 10


def same(what: str, one: object, other: object) -> None:
    """Raises `WrongError` where the two differ."""
    if one != other:
        raise WrongError(f"{what}: {one!r:.300} is not {other!r:.300}")


def holds(what: str, condition: bool) -> None:
    if not condition:
        raise WrongError(what)


def chance(data: bytes) -> random.Random:
    """What is random in a run depends on its bytes alone, so that they are all that has to be kept of it."""
    return random.Random(zlib.crc32(data))


def cut(data: bytes, rng: random.Random, most: int = 40) -> list[bytes]:
    """The same bytes in portions, of one byte now and then."""
    if not data:
        return []
    count = rng.choice((1, 3, most))
    places = sorted(rng.randrange(len(data)) for _ in range(count))
    places += [place + 1 for place in places[: count // 4]]
    edges = [0, *sorted(set(places)), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges) if start < stop]


def parts(data: bytes, count: int) -> list[bytes]:
    """Exactly `count` parts, empty ones at the end where seams are missing."""
    found = data.split(SEAM, count - 1)
    return found + [b""] * (count - len(found))


def outcome(read: Callable[[], object]) -> object:
    """What it gives, or the code of its problem."""
    try:
        return read()
    except ProblemError as error:
        return error.problem.code


def is_code(found: object) -> bool:
    return isinstance(found, Code)
