"""What is said of single files, in requests, bundles and reports."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.model import HUB, Count
from aihub_desktop.transport.ledger import Entry

SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MOMENT: Final = re.compile(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00")
_LONGEST: Final = 4096


def is_moment(text: str) -> bool:
    """ISO 8601 in UTC, as `moment` writes it: such a text goes into names and onto screens."""
    return _MOMENT.fullmatch(text) is not None


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A file that somebody holds. `gone`: it was deleted once all that was in it stood unpacked."""

    place: str
    sha256: str
    size: Count | None = None
    source: str = ""
    dataset: str = ""
    package: bool = False
    key: str = ""
    gone: bool = False

    @classmethod
    def of(cls, entry: Entry) -> Held:
        return cls(entry.place, entry.sha256, entry.size, entry.source, entry.dataset, entry.package, entry.key)

    @classmethod
    def of_story(cls, story: Story) -> Held:
        return cls(story.place, story.sha256, story.size, story.source, story.dataset, story.package, story.key)

    @property
    def hub_key(self) -> tuple[str, bool, str] | None:
        """What names these bytes at the hub, also where nobody has their hash yet: a new release has new keys."""
        return (self.dataset, self.package, self.key) if self.source == HUB and self.key else None


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What a ledger tells of a file, to be entered in another one. Fields as those of `Entry`.

    `size` None: of a file that is still to be fetched, and whose size nobody told.
    """

    place: str
    sha256: str
    size: Count | None = None
    source: str = ""
    dataset: str = ""
    package: bool = False
    key: str = ""
    path: str = ""
    proof: str = ""
    at: str = ""
    note: str = ""
    modified: int = 0

    @property
    def is_right(self) -> bool:
        """Whether a ledger of ours may have told it; what comes from outside may say anything."""
        texts = (self.source, self.dataset, self.key, self.path, self.note)
        return (
            SHA256.fullmatch(self.sha256) is not None
            and (not self.proof or self.proof in set(Proof))
            and all(len(text) <= _LONGEST for text in texts)
            and self.note.isprintable()
            and (not self.at or is_moment(self.at))
            and 0 <= self.modified < 1 << 63
        )

    @classmethod
    def of(cls, entry: Entry) -> Story:
        return cls(
            entry.place, entry.sha256, entry.size, entry.source, entry.dataset, entry.package, entry.key, entry.path,
            entry.proof, entry.at, entry.note, entry.modified,
        )  # fmt: skip

    def entry(self, place: str, size: int, modified: int) -> Entry:
        """The line for a file that lies at `place`, proved to hold these bytes."""
        return Entry(
            place, self.sha256, size, self.source, self.dataset, self.package, self.key, self.path, self.proof,
            self.at, self.note, modified,
        )  # fmt: skip


class Portion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """Bytes start ≤ i < stop of a file, which lie at `path` (from "data/") of bag number `bag`."""

    bag: int
    path: str
    start: Count
    stop: Count
    sha256: str = ""

    @property
    def length(self) -> int:
        return self.stop - self.start


class Carried(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file of a bundle. Without portions the other machine has its bytes already, as the file `have`.

    `fetch`: it is named in fetch.txt, and its bytes may be missing.
    """

    story: Story
    portions: tuple[Portion, ...] = ()
    have: str = ""
    fetch: bool = False


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A file that is wanted and was not there to be carried. `why`: absent, damaged."""

    why: str
    path: str
    source: str = ""
    dataset: str = ""
    package: bool = False
    key: str = ""
    sha256: str = ""
    size: Count | None = None
    address: str = ""  # public, and no secret in it
