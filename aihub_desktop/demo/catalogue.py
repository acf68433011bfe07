"""What the demo hub offers: datasets with their files, and the bytes behind every file key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aihub_desktop.demo.content import Bytes, Content, Made, sha256, whole

# Any other key is refused. A well-known name, for the demo guards nothing.
DEMO_KEY: Final = "de300000-4a1b-4c0d-8e0f-a1b0de300000"

# File keys are unique in the whole catalogue, as they are at the hub: each dataset takes the next thousand.
_FIRST_FILE_KEY: Final = 100_001
_KEYS_EACH: Final = 1_000


class Access(StrEnum):
    """Whether the account of the demo key may have a dataset."""

    APPROVED = "approved"
    NOT_APPROVED = "not-approved"
    EXPIRED = "expired"
    HIDDEN = "hidden"  # listed, but its tree is not offered: 403


@dataclass(frozen=True, slots=True)
class DemoFile:
    """A file with the key that names it in downloads. `path` is the tree's spelling, parts joined by "/"."""

    key: str
    path: str
    content: Content


class DemoDataset:
    """A dataset or, with `package`, a data package. Its files are made when they are first asked for.

    `make` gives path → content in the order of the tree; keys are dealt out from `first_key` in the order of
    `numbering` (the paths' own order if None), since the hub's trees are sorted neither by name nor by key.
    """

    def __init__(
        self,
        key: str,
        title: str,
        make: Callable[[], Mapping[str, bytes | Content]],
        *,
        access: Access = Access.APPROVED,
        package: bool = False,
        notice: str = "",
        first_key: int = _FIRST_FILE_KEY,
        numbering: Callable[[str], str] | None = None,
    ) -> None:
        self.key: Final = key
        self.title: Final = title
        self.access: Final = access
        self.package: Final = package
        self.notice: Final = notice
        self._make = make
        self._first_key = first_key
        self._numbering = numbering
        self._lock = threading.Lock()
        self._files: tuple[DemoFile, ...] | None = None

    @property
    def files(self) -> tuple[DemoFile, ...]:
        with self._lock:
            if self._files is None:
                self._files = self._numbered()
            return self._files

    def file(self, key: str) -> DemoFile | None:
        return next((file for file in self.files if file.key == key), None)

    def _numbered(self) -> tuple[DemoFile, ...]:
        made = self._make()
        order = sorted(made, key=self._numbering) if self._numbering else list(made)
        keys = {path: str(self._first_key + place) for place, path in enumerate(order)}
        return tuple(DemoFile(keys[path], path, _content(given)) for path, given in made.items())


class Catalogue:
    """Everything that a demo hub offers."""

    def __init__(self, offers: Iterable[DemoDataset]) -> None:
        self._offers = {(offer.key, offer.package): offer for offer in offers}

    @classmethod
    def of(
        cls,
        files: Mapping[str, bytes | Content],
        *,
        key: str = "90001",
        title: str = "시험 데이터",
        access: Access = Access.APPROVED,
        package: bool = False,
    ) -> Catalogue:
        """A catalogue of one small dataset, for one test. File keys run from 100001 in the order of `files`."""
        return cls([DemoDataset(key, title, lambda: files, access=access, package=package)])

    @property
    def datasets(self) -> list[DemoDataset]:
        return [offer for offer in self._offers.values() if not offer.package]

    @property
    def packages(self) -> list[DemoDataset]:
        return [offer for offer in self._offers.values() if offer.package]

    def dataset(self, key: str, *, package: bool = False) -> DemoDataset | None:
        return self._offers.get((key, package))

    def file(self, file_key: str) -> DemoFile:
        """The file that `file_key` names, in whichever dataset. Raises `KeyError`."""
        for offer in self._offers.values():
            if (found := offer.file(file_key)) is not None:
                return found
        raise KeyError(file_key)

    def bytes_of(self, file_key: str) -> bytes:
        """Every byte of a file, in memory; for files of many gigabytes take `sha256_of`."""
        return whole(self.file(file_key).content)

    def sha256_of(self, file_key: str) -> str:
        return sha256(self.file(file_key).content)


def first_key_of(place: int) -> int:
    """Where the file keys of the dataset at `place` in a catalogue begin."""
    return _FIRST_FILE_KEY + place * _KEYS_EACH


def _content(given: bytes | Content) -> Content:
    return Made(lambda: given) if isinstance(given, bytes) else given


__all__ = ["DEMO_KEY", "Access", "Bytes", "Catalogue", "DemoDataset", "DemoFile", "first_key_of"]
