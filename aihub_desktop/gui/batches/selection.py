"""What a person has chosen, as a batch file says it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from aihub_desktop.domain import addresses
from aihub_desktop.domain.addresses import AddressError
from aihub_desktop.domain.batchfile import AddressWish, DatasetWish
from aihub_desktop.domain.contents import Pick, traits_of
from aihub_desktop.domain.model import S3, Algorithm, Dataset, RemoteFile, SizeRange
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.patterns import patterns_of
from aihub_desktop.domain.selection import name_on_disk
from aihub_desktop.domain.sets import whole_sets
from aihub_desktop.domain.storage import split_container
from aihub_desktop.gui.models.tree import Sum

# The strongest is kept; a batch has room for one.
_STRENGTH: Final = (
    Algorithm.SHA512, Algorithm.SHA256, Algorithm.SHA1, Algorithm.MD5, Algorithm.CRC64NVME, Algorithm.CRC32C,
    Algorithm.CRC32,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """`exact` names files of the hub by their keys, `lasting` by their names, which holds for new releases, too; None
    where names would not do. Where all of a dataset is meant the two are alike. `holds`: `lasting` is what was meant,
    for whole folders or files of one kind were chosen.

    `left_out`: files of another storage, for a batch names one. `bare`: addresses without a signature or a password
    that they had, which no file may carry.
    """

    title: str
    sum: Sum
    exact: tuple[DatasetWish, ...] = ()
    lasting: tuple[DatasetWish, ...] | None = None
    holds: bool = False
    addresses: tuple[AddressWish, ...] = ()
    endpoint: str = ""
    left_out: int = 0
    bare: int = 0

    @property
    def has_two_forms(self) -> bool:
        return self.lasting is not None and self.lasting != self.exact

    def wishes(self, *, lasting: bool) -> tuple[DatasetWish, ...]:
        return self.lasting if lasting and self.lasting is not None else self.exact


def of_dataset(dataset: Dataset, files: Sequence[RemoteFile], chosen: Sequence[RemoteFile]) -> Selection:
    """`chosen` of all `files` of a dataset. Where the list no longer has one of them, keys are all there is to say."""
    keys = tuple(file.key for file in chosen)
    exact = DatasetWish(dataset.key, dataset.title, dataset.package, keys)
    total = sum_of(chosen)
    listed = {file.key for file in files}
    if not listed.issuperset(keys):
        return Selection(dataset.title, total, (exact,))
    if listed == set(keys):
        whole = DatasetWish(dataset.key, dataset.title, dataset.package)
        return Selection(dataset.title, total, (whole,), (whole,), holds=True)
    paths, wanted = [file.path for file in files], {file.path for file in chosen}
    found = patterns_of(paths, wanted, alike=_are_alike(paths, wanted))
    if found is None:
        return Selection(dataset.title, total, (exact,))
    lasting = DatasetWish(dataset.key, dataset.title, dataset.package, include=found.texts)
    return Selection(dataset.title, total, (exact,), (lasting,), holds=found.are_whole)


def _are_alike(paths: Sequence[str], chosen: set[str]) -> bool:
    """Whether these are just what one of the quick picks would tick: with one volume its whole set."""
    volumes = whole_sets(dict(enumerate(paths)))
    for pick in Pick:
        places = [place for place, path in enumerate(paths) if pick in traits_of(path).picks]
        if {paths[each] for place in places for each in volumes.get(place, (place,))} == chosen:
            return True
    return False


def of_addresses(title: str, files: Sequence[RemoteFile], folders: Sequence[tuple[str, str]] = ()) -> Selection:
    """Files of the web and of object storages. `folders`: (bucket, prefix) below which all of `files` was chosen.

    Such a folder is named as one, so that it holds what comes into it later, unless files of two of them would get one
    name on disk.
    """
    storages = {split_container(file.dataset)[0]: None for file in files if file.source == S3}
    endpoint = next(iter(storages), "")
    mine = [file for file in files if file.source != S3 or split_container(file.dataset)[0] == endpoint]
    wishes = {wish.address: wish for wish in _by_folder(mine, folders)}
    bare = sum(file.source != S3 and _is_bare(file) for file in mine)
    return Selection(
        title, sum_of(mine), addresses=tuple(wishes.values()), endpoint=endpoint,
        left_out=len(files) - len(mine), bare=bare,
    )  # fmt: skip


def joined(title: str, parts: Iterable[Selection]) -> Selection:
    """All of it as one batch."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    lasting = [part.wishes(lasting=True) for part in parts]
    sums = [part.sum for part in parts]
    size = SizeRange(sum(one.size.low for one in sums), sum(one.size.high for one in sums), "")
    return Selection(
        title,
        Sum(sum(one.files for one in sums), size, 0, unknown=sum(one.unknown for one in sums)),
        tuple(wish for part in parts for wish in part.exact),
        tuple(wish for wishes in lasting for wish in wishes),
        all(part.holds for part in parts if part.exact),
        tuple(one for part in parts for one in part.addresses),
        next((part.endpoint for part in parts if part.endpoint), ""),
        sum(part.left_out for part in parts),
        sum(part.bare for part in parts),
    )


def sum_of(files: Iterable[RemoteFile]) -> Sum:
    files = list(files)
    low, high = sum(file.size.low for file in files), sum(file.size.high for file in files)
    return Sum(len(files), SizeRange(low, high, ""), 0, unknown=sum(file.size.is_unknown for file in files))


def _by_folder(files: Sequence[RemoteFile], folders: Sequence[tuple[str, str]]) -> list[AddressWish]:
    names: set[str] = set()
    wishes: list[AddressWish] = []
    for file in files:
        bucket = split_container(file.dataset)[1] if file.source == S3 else ""
        above = next((one for one in folders if one[0] == bucket and file.key.startswith(one[1])), None)
        if above is None:
            wishes.append(_wish(file))
            names.add(name_on_disk(file))
        else:
            wishes.append(AddressWish(f"s3://{above[0]}/{above[1]}"))
            names.add(file.key.removeprefix(above[1]))
    # Below a folder that is named as one, names begin behind it.
    return wishes if len(names) == len(files) else [_wish(file) for file in files]


def _wish(file: RemoteFile) -> AddressWish:
    if file.source == S3:
        address = f"s3://{split_container(file.dataset)[1]}/{file.key}"
        return AddressWish(address, out=_out(file.path, file.key.rpartition("/")[2]))
    known = file.origin.addresses if file.origin is not None else ()
    address = _bare(file)
    mirrors = tuple(one for one in known[1:] if _is_open(one) and one != address)
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    return AddressWish(address, mirrors, _out(file.path, name), _checksum(file))


def _checksum(file: RemoteFile) -> str:
    there = {one.algorithm: one.value for one in file.origin.checksums} if file.origin is not None else {}
    return next((f"{name}:{there[name]}" for name in _STRENGTH if name in there), "")


def _out(path: str, usual: str) -> str:
    """The name on disk, where it is not the one that the address gives."""
    try:
        return str(safe_path(path)) if path != usual else ""
    except UnsafeNameError:
        return ""


def _bare(file: RemoteFile) -> str:
    """Its address without secrets. Behind a # stands what tells two files apart, and it is no part of an address."""
    return file.key.partition("#")[0]


def _is_bare(file: RemoteFile) -> bool:
    first = file.origin.addresses[:1] if file.origin is not None else ()
    return bool(first) and first[0].partition("#")[0] != _bare(file)


def _is_open(address: str) -> bool:
    """Whether there is nothing in it that could be a secret."""
    try:
        return addresses.shown(addresses.web_address(address)) == address
    except AddressError:
        return False
