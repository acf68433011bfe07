"""What is to be carried: what libraries hold of the wishes, less what the other machine has. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.batch.layout import Names
from aihub_desktop.batch.request import stands
from aihub_desktop.batch.values import Carried, Held, Missing, Portion, Story
from aihub_desktop.disk.target import Target
from aihub_desktop.domain.model import HUB, WEB
from aihub_desktop.domain.names import clash_key
from aihub_desktop.transport.ledger import Entry, Ledger

Wanted = Callable[[Story], bool]
ABSENT: Final = "absent"
DAMAGED: Final = "damaged"


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a library, which lies at `path`."""

    story: Story
    path: Path
    library: Path


@dataclass(slots=True)
class Cargo:
    """`known`: files of which the other machine has the bytes, and lacks what is told of them. `had`: needs nothing."""

    items: list[Item] = field(default_factory=list)
    known: list[Carried] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    had: int = 0
    had_bytes: int = 0

    @property
    def bytes(self) -> int:
        return sum(item.story.size or 0 for item in self.items)

    @property
    def is_empty(self) -> bool:
        return not (self.items or self.known)

    def contents(self) -> set[tuple[str, str]]:
        """What tells it from another cargo."""
        stories = [item.story for item in self.items] + [carried.story for carried in self.known]
        return {(story.place, story.sha256) for story in stories}


class Possession:
    """What the other machine has."""

    def __init__(self, held: Iterable[Held]) -> None:
        self._by_sha256: dict[str, Held] = {}
        self._keys: set[tuple[str, bool, str]] = set()
        self._told: set[tuple[str, str, str]] = set()
        for one in held:
            if not one.gone:
                self._by_sha256.setdefault(one.sha256, one)
            self._told.add((one.place, one.sha256, one.key))
            if one.hub_key is not None:
                self._keys.add(one.hub_key)

    def has_key(self, dataset: str, package: bool, key: str) -> bool:
        """A file key of the hub: it names the bytes also where nobody here has seen them."""
        return (dataset, package, key) in self._keys

    def knows(self, entry: Entry) -> bool:
        """It has the file, and its ledger tells the same of it."""
        return (entry.place, entry.sha256, entry.key) in self._told

    def bytes_of(self, entry: Entry) -> str:
        """The place of a file there with the same bytes, "" for none."""
        held = self._by_sha256.get(entry.sha256)
        return "" if held is None else held.place


def gathered(libraries: Sequence[Path], wanted: Wanted, possession: Possession) -> Cargo:
    """Of the same file in several libraries the first that is as it was proved counts. Raises `ProblemError`."""
    cargo = Cargo()
    seen: set[str] = set()
    damaged: dict[str, Missing] = {}
    for folder in libraries:
        target = Target(folder)
        for entry in Ledger(folder).entries().values():
            if (key := clash_key(entry.place)) in seen or not wanted(Story.of(entry)):
                continue
            if possession.knows(entry):
                cargo.had += 1
                cargo.had_bytes += entry.size or 0
            elif have := possession.bytes_of(entry):
                cargo.known.append(Carried(Story.of(entry), have=have))
            elif stands(target, entry):
                spot = target.spot(entry.place)
                cargo.items.append(Item(_sized(Story.of(entry), spot.final), spot.final, target.folder))
            else:
                damaged[key] = lacking(entry)
                continue
            seen.add(key)
    cargo.missing = [one for key, one in damaged.items() if key not in seen]
    cargo.items.sort(key=lambda item: item.story.place)
    return cargo


def told_of(libraries: Sequence[Path]) -> list[Story]:
    """All that their ledgers tell, also of what is damaged. Raises `ProblemError`."""
    return [Story.of(entry) for folder in libraries for entry in Ledger(folder).entries().values()]


def standing_in(libraries: Sequence[Path]) -> list[Story]:
    """What of it is there as it was when it was proved. Raises `ProblemError`."""
    found = []
    for folder in libraries:
        target = Target(folder)
        found += [Story.of(entry) for entry in Ledger(folder).entries().values() if stands(target, entry)]
    return found


def lacking(entry: Entry) -> Missing:
    """A file that a library once had: its hash is known, and for one of the web where it can be had by anybody."""
    address = entry.key if entry.source == WEB and is_public(entry.key) else ""
    return Missing(
        DAMAGED, entry.place, entry.source, entry.dataset, entry.package, entry.key, entry.sha256, entry.size, address,
    )  # fmt: skip


def is_public(address: str) -> bool:
    """Whether an address holds nothing that may be a secret: what is behind a "?" often is one."""
    scheme, _, rest = address.partition("://")
    host = rest.partition("/")[0]
    return scheme in ("http", "https") and bool(host) and not set("?#@ \t\n\r") & set(rest)


def can_be_named(missing: Missing) -> bool:
    """In fetch.txt. A bag's manifest has every file of it, so its hash must be known; and what the hub sends for a file
    key is a tar and not the file, so no tool but ours could fetch that.
    """
    return bool(missing.address and missing.sha256) and missing.source != HUB


def fetched_later(missing: Iterable[Missing], names: Names) -> tuple[list[Carried], list[Missing]]:
    """(what fetch.txt can name, the rest)."""
    named, rest = [], []
    for one in missing:
        if can_be_named(one):
            story = Story(one.path, one.sha256, one.size, one.source, one.dataset, one.package, one.key, one.path)
            portion = Portion(1, names.of(one.path), 0, one.size or 0)
            named.append(Carried(story, (portion,), fetch=True))
        else:
            rest.append(one)
    return named, rest


def _sized(story: Story, path: Path) -> Story:
    """Ledgers of other programs tell no size."""
    if story.size is not None:
        return story
    return msgspec.structs.replace(story, size=path.stat().st_size)
