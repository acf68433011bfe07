"""What the files of a hub's dataset are, told from their paths: the hub says it nowhere else. Pure.

Most datasets are laid out as `…/1.Training/01.원천데이터/TS_x.zip`: for training or for validation, source data or
labels, with documents beside them. Names are free, though, so what nothing tells is `OTHER`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from aihub_desktop.domain.model import RemoteFile, SizeRange
from aihub_desktop.domain.sets import volume_of

_ARCHIVES: Final = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
_DOCUMENTS: Final = (
    ".pdf", ".hwp", ".hwpx", ".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx", ".txt", ".md", ".rtf", ".odt",
)  # fmt: skip

# Before a Korean word there may be a number, a bracket and blanks: "02.라벨링데이터", "[라벨]train". In the middle of
# a name such a word is mostly part of a topic.
_BEGINS: Final = r"^[\d\W_]*"
_DOCUMENTATION: Final = re.compile(
    rf"{_BEGINS}(?:데이터\s*)?(?:설명서|(?:사용|활용)?\s*(?:매뉴얼|가이드)|문서|documents?(?![a-z]))", re.IGNORECASE
)
_SAMPLE: Final = re.compile(r"샘플|(?<![a-z])samples?(?![a-z])", re.IGNORECASE)
_INITIALS: Final = re.compile(r"^(?P<split>[TV])(?P<kind>[SL])(?:\d*[_\-. ]|\d+\.)")


T = TypeVar("T")


class Split(StrEnum):
    """What a file is meant for."""

    TRAINING = "training"
    VALIDATION = "validation"
    OTHER = "other"


class Kind(StrEnum):
    """What a file holds."""

    SOURCE = "source"
    LABEL = "label"
    OTHER = "other"


class Part(NamedTuple):
    """The files of a dataset that are alike."""

    split: Split
    kind: Kind


PARTS: Final = tuple(Part(split, kind) for split in Split for kind in Kind)  # in the order in which they are shown

_SPLITS: Final = (
    (Split.TRAINING, re.compile(rf"(?<![a-z])train(?:ing)?(?![a-z])|{_BEGINS}(?:훈련|학습)", re.IGNORECASE)),
    (Split.VALIDATION, re.compile(rf"(?<![a-z])val(?:id(?:ation)?)?(?![a-z])|{_BEGINS}검증", re.IGNORECASE)),
)
_KINDS: Final = (
    (
        Kind.LABEL,
        re.compile(r"라벨|레이블|어노테이션|(?<![a-z])(?:sub)?label(?:s|ing|ed)?(?![a-z])|annotation", re.IGNORECASE),
    ),
    (Kind.SOURCE, re.compile(rf"원천|{_BEGINS}원시|(?<![a-z])(?:source|raw)(?:[_ ]?data)?(?![a-z])", re.IGNORECASE)),
)  # fmt: skip


class Pick(StrEnum):
    """A choice of files that people often want, in the order in which they are offered."""

    LABELS = "labels"
    SOURCES = "sources"
    TRAINING = "training"
    VALIDATION = "validation"
    DOCUMENTS = "documents"  # something to read
    SAMPLES = "samples"  # a small taste of the dataset, which some datasets have


class Traits(NamedTuple):
    """What a file is: its part, and every choice that it belongs to."""

    part: Part
    picks: frozenset[Pick]


class _Folder(NamedTuple):
    split: Split | None
    kind: Kind | None
    is_documentation: bool
    is_sample: bool


def traits_of(path: str) -> Traits:
    """By the two letters that the hub puts before names (TS_ TL_ VS_ VL_), else by the nearest folder that says it,
    else by the name. The topmost folder is the dataset's title and says nothing.
    """
    above, _, name = path.rpartition("/")
    folder = _folder(above)
    split, kind = folder.split, folder.kind
    if (found := _INITIALS.match(name)) is not None:
        split = Split.TRAINING if found["split"] == "T" else Split.VALIDATION
        kind = Kind.SOURCE if found["kind"] == "S" else Kind.LABEL
    document = folder.is_documentation or name.casefold().endswith(_DOCUMENTS)
    if kind is None:
        # Something to read about labels is no label; a text among labels is one.
        kind = Kind.OTHER if document else _first(_KINDS, name) or Kind.OTHER
    sample = folder.is_sample or (above != "" and _SAMPLE.search(name) is not None)
    return _traits(split or _first(_SPLITS, name) or Split.OTHER, kind, document=document, sample=sample)


@lru_cache(maxsize=4096)
def _folder(path: str) -> _Folder:
    split: Split | None = None
    kind: Kind | None = None
    names = path.split("/")
    for name in reversed(names[1:]):
        split = split or _first(_SPLITS, name)
        kind = kind or _first(_KINDS, name)
    documentation = any(_DOCUMENTATION.match(name) for name in names)
    return _Folder(split, kind, documentation, any(_SAMPLE.search(name) for name in names[1:]))


@lru_cache
def _traits(split: Split, kind: Kind, *, document: bool, sample: bool) -> Traits:
    belongs = {
        Pick.LABELS: kind is Kind.LABEL,
        Pick.SOURCES: kind is Kind.SOURCE,
        Pick.TRAINING: split is Split.TRAINING,
        Pick.VALIDATION: split is Split.VALIDATION,
        Pick.DOCUMENTS: document,
        Pick.SAMPLES: sample,
    }
    return Traits(Part(split, kind), frozenset(pick for pick, does in belongs.items() if does))


def _first(choices: Iterable[tuple[T, re.Pattern[str]]], name: str) -> T | None:
    return next((choice for choice, pattern in choices if pattern.search(name)), None)


# By how much archives grow when they are unpacked, at least and, as far as experience goes, at most. Sounds and
# pictures are packed already; labels are text, of which one dataset grew from 16 GB to 500 GB.
_GROWTH: Final = {Kind.SOURCE: (1.0, 1.3), Kind.LABEL: (1.0, 30.0), Kind.OTHER: (1.0, 3.0)}


def unpacked(file: RemoteFile, part: Part, *, volume: bool = False) -> SizeRange:
    """About how much a file will take up once more when it is unpacked: nothing for what is no archive.

    `volume`: it belongs to a split archive, whatever its ending.
    """
    if not (volume or file.path.casefold().endswith(_ARCHIVES)):
        return SizeRange(0, 0, "")
    least, most = _GROWTH[part.kind]
    return SizeRange(round(file.size.low * least), round(file.size.high * most), "")


def grown(files: Iterable[RemoteFile]) -> SizeRange:
    """About how much files will take up once more when they are unpacked, by their paths alone."""
    low = high = 0
    for file in files:
        numbered = (volume := volume_of(file.path)) is not None and volume[1] > 0
        if numbered or file.path.casefold().endswith(_ARCHIVES):
            size = unpacked(file, traits_of(file.path).part, volume=numbered)
            low, high = low + size.low, high + size.high
    return SizeRange(low, high, "")


def folder_names(paths: Iterable[str]) -> list[str]:
    """The names of all folders, each once, in the order in which they come."""
    folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
    return list(dict.fromkeys(name for folder in folders for name in folder.split("/") if name))
