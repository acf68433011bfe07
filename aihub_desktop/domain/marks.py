"""What is remembered of a dataset beside its files: a person's star, the last look at it, and its approval."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.faults import Code


class Approval(StrEnum):
    """What the hub's answers to downloads said of the account. It may have changed since."""

    APPROVED = "approved"
    NOT_APPROVED = "not-approved"
    EXPIRED = "expired"


# KEY_REJECTED is not among them: the hub has the same words for a wrong key and for a dataset that is not approved.
APPROVAL_OF: Final = {Code.NOT_APPROVED: Approval.NOT_APPROVED, Code.APPROVAL_EXPIRED: Approval.EXPIRED}


class Sighting(msgspec.Struct, frozen=True):
    """An approval, and when it was seen, in seconds since 1970."""

    approval: Approval
    at: float


class DatasetMark(msgspec.Struct, frozen=True):
    """Of one dataset of the hub. `visited_at`: when somebody last stayed with it, 0.0 for never."""

    key: str
    package: bool = False
    starred: bool = False
    visited_at: float = 0.0
    seen: Sighting | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is remembered."""
        return not self.starred and not self.visited_at and self.seen is None


class Outline(msgspec.Struct, frozen=True):
    """What a copy of a dataset's tree tells of it: the names of its folders, each once, and how much it is."""

    key: str
    package: bool
    folders: list[str]
    files: int
    low: int
    high: int
