"""Which files of a library a batch means, by what their ledger tells; with a network, by what places offer just now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from aihub_desktop.batch.cargo import ABSENT, Item, Possession, Wanted, is_public
from aihub_desktop.batch.values import Missing, Story
from aihub_desktop.cli.run import Found
from aihub_desktop.domain import addresses
from aihub_desktop.domain.addresses import AddressError
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.model import HUB, S3, WEB, Algorithm, RemoteFile
from aihub_desktop.domain.selection import meant_by


def of_offer(files: Iterable[RemoteFile]) -> Wanted:
    """The very files that places offer: of an older release nothing is meant."""
    wanted = {(file.source, file.dataset, file.package, file.key) for file in files}
    return lambda story: (story.source, story.dataset, story.package, story.key) in wanted


def of_batch(batch: BatchFile) -> Wanted:
    """What the ledger alone can tell."""

    datasets = [(wish, meant_by(wish.include, wish.exclude)) for wish in batch.datasets]

    def wanted(story: Story) -> bool:
        if story.source == HUB:
            return any(_is_of(story, wish) and is_meant(story.path or story.place) for wish, is_meant in datasets)
        return any(_is_at(story, wish) for wish in batch.addresses)

    return wanted


def _is_of(story: Story, wish: DatasetWish) -> bool:
    is_same = (story.dataset, story.package) == (wish.key, wish.package)
    return is_same and (not wish.files or story.key in wish.files)


def _is_at(story: Story, wish: AddressWish) -> bool:
    if not addresses.is_object(wish.address):
        # A ledger has addresses without what may be secret in them.
        return story.source == WEB and addresses.shown(wish.address).removesuffix("?…") == story.key.partition("?")[0]
    try:
        found = addresses.object_address(wish.address)
    except AddressError:
        return False
    if story.source != S3 or story.dataset.rpartition("/")[2] != found.bucket:
        return False
    return story.key.startswith(found.key) if found.is_prefix else story.key == found.key


def lacking_of_offer(files: Iterable[RemoteFile], stories: Sequence[Story], possession: Possession) -> list[RemoteFile]:
    """What places offer, and neither a library nor the other machine has."""
    have = {(story.source, story.dataset, story.package, story.key) for story in stories}
    return [
        file
        for file in files
        if (file.source, file.dataset, file.package, file.key) not in have
        and not (file.source == HUB and possession.has_key(file.dataset, file.package, file.key))
    ]


def expected(files: Iterable[RemoteFile], library: Path) -> list[Item]:
    """As they will be once they are fetched, for a rehearsal; each as large as it may be."""
    return [
        Item(
            Story(place, "0" * 64, file.size.high, file.source, file.dataset, file.package, file.key),
            library / place,
            library,
        )
        for file in files
        for place in [file.path.replace(" ", "_")]
    ]


def missing_of_offer(files: Iterable[RemoteFile], found: Found) -> list[Missing]:
    """These files, and what was refused."""
    return [_missing(file) for file in files] + [
        Missing(f"refused: {one.problem.code}", one.wanted) for one in found.refused
    ]


def lacking_of_batch(batch: BatchFile, stories: Sequence[Story], possession: Possession) -> list[Missing]:
    """What the batch names and no ledger knows: of a whole dataset nobody can tell without its list."""
    there = {(story.dataset, story.package, story.key) for story in stories}
    missing = [
        Missing(ABSENT, key, HUB, wish.key, wish.package, key)
        for wish in batch.datasets
        for key in wish.files
        if (wish.key, wish.package, key) not in there and not possession.has_key(wish.key, wish.package, key)
    ]
    for wish in batch.datasets:
        if not wish.files and not any((story.dataset, story.package) == (wish.key, wish.package) for story in stories):
            missing.append(Missing(ABSENT, wish.title or wish.key, HUB, wish.key, wish.package))
    for one in batch.addresses:
        if not any(_is_at(story, one) for story in stories):
            missing.append(_address(one))
    return missing


def _missing(file: RemoteFile) -> Missing:
    origin = file.origin
    sums = () if origin is None else origin.checksums
    sha256 = next((one.value for one in sums if one.algorithm is Algorithm.SHA256), "")
    address = file.key if file.source == WEB and is_public(file.key) else ""
    size = file.size.low if not file.size.is_unknown and file.size.low == file.size.high else None
    return Missing(ABSENT, file.path, file.source, file.dataset, file.package, file.key, sha256, size, address)


def _address(wish: AddressWish) -> Missing:
    text = addresses.shown(wish.address)
    source = S3 if addresses.is_object(wish.address) else WEB
    address = wish.address if source == WEB and is_public(wish.address) else ""
    sha256 = ""
    if wish.checksum and (found := addresses.checksum(wish.checksum)).algorithm is Algorithm.SHA256:
        sha256 = found.value
    path = wish.out or wish.address.partition("?")[0].rstrip("/").rpartition("/")[2] or text
    return Missing(ABSENT, path, source, key=text, sha256=sha256, address=address)
