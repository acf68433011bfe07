"""An engine that is played: it knows a few object storages and web addresses, and notes what it is told.

Run as a program it speaks as `aihub engine` does: `python storage_engine.py NOTES`. Nothing of it asks a network.
"""

from __future__ import annotations

import itertools
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from aihub_desktop.domain import wire
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.findings import Standing
from aihub_desktop.domain.holdings import HeldFile
from aihub_desktop.domain.messages import (
    Add,
    Added,
    Answer,
    AnyCommand,
    Archives,
    Begin,
    Begun,
    Browse,
    Changed,
    Compare,
    Compared,
    Configure,
    DatasetList,
    Discard,
    Discarded,
    DiskSpace,
    Expand,
    FileList,
    FileRow,
    FileRows,
    FindArchives,
    HeldFiles,
    HoldingFiles,
    Inspect,
    Inspected,
    KeyState,
    Library,
    ListDatasets,
    ListFiles,
    ListHoldings,
    ListOutlines,
    ListStorages,
    Outlines,
    PutStorage,
    Quit,
    Recognise,
    Recognised,
    Rehearse,
    RemoveStorage,
    Rows,
    Shelf,
    ShowKey,
    Snapshot,
    Space,
    StorageRow,
    Storages,
    TransferRow,
)
from aihub_desktop.domain.model import (
    HUB,
    S3,
    UNKNOWN_SIZE,
    WEB,
    Algorithm,
    Checksum,
    Dataset,
    Origin,
    RemoteFile,
    Secret,
    SizeRange,
)
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.states import FileState, TransferState
from aihub_desktop.domain.storage import Access, Storage, container
from aihub_desktop.domain.unpacking import Rehearsal

NAVER: Final = "https://kr.object.ncloudstorage.com"
CLOSED: Final = "https://closed.example.com"  # lists no buckets, but has them
MANY: Final = 100_000
PAGE: Final = 1000
MB: Final = 1 << 20


def keys_of(bucket: str) -> dict[str, int]:
    """Size by key, in order."""
    if bucket == "many":
        return {f"photos/img-{number:06}.jpg": 40_000 + number for number in range(MANY)}
    if bucket == "empty":
        return {}
    if bucket == "papers":
        return {f"2024/paper-{number}.pdf": MB for number in range(30)}
    found = {"README.txt": 2_100, "licence.pdf": 310_000}
    for year, count in ((2022, 3), (2023, 1_500), (2024, 12)):
        for part in range(count):
            found[f"음성/{year}/원천/part-{part:05}.wav"] = 18 * MB + part * 7919
        found[f"음성/{year}/labels.json"] = 3 * MB
    for city in ("busan", "daegu", "seoul"):
        found[f"roads/{city}/video.mp4"] = 700 * MB
        found[f"roads/{city}/frames.tar"] = 5_000 * MB
    found["checkpoints/model-7b.safetensors"] = 13_500 * MB
    return dict(sorted(found.items()))


class Shop:
    """The storages' contents."""

    def __init__(self) -> None:
        self.storages: dict[str, StorageRow] = {}
        self._keys: dict[str, dict[str, int]] = {}

    def keys(self, bucket: str) -> dict[str, int]:
        if bucket not in self._keys:
            self._keys[bucket] = keys_of(bucket)
        return self._keys[bucket]

    def page(self, wish: Browse) -> Shelf:
        if wish.endpoint == CLOSED and not wish.bucket:
            raise ProblemError(Code.NO_ACCESS, host="closed.example.com")
        if not wish.bucket:
            return Shelf(["empty", "locked", "many", "papers", "speech-corpus"], [])
        if wish.bucket == "locked":
            raise ProblemError(Code.NO_ACCESS, host="kr.object.ncloudstorage.com")
        names = list(self.keys(wish.bucket))
        start = bisect_right(names, wish.after) if wish.after else 0
        below = [name for name in names[start:] if name.startswith(wish.prefix)][: PAGE * 20]
        folders: list[str] = []
        files: list[RemoteFile] = []
        for name in below:
            rest = name.removeprefix(wish.prefix)
            if "/" not in rest:
                files.append(self.object(wish.endpoint, wish.bucket, name))
            elif (folder := rest.partition("/")[0]) not in folders:
                folders.append(folder)
            if len(files) + len(folders) == PAGE and name != below[-1]:
                return Shelf(folders, files, name)
        return Shelf(folders, files)

    def all_below(self, wish: Expand) -> Iterator[RemoteFile]:
        for name in self.keys(wish.bucket):
            if name.startswith(tuple(wish.prefixes)):
                yield self.object(wish.endpoint, wish.bucket, name)

    def object(self, endpoint: str, bucket: str, key: str) -> RemoteFile:
        size = SizeRange.exactly(self.keys(bucket)[key])
        origin = Origin(etag='"0123456789abcdef0123456789abcdef"')
        return RemoteFile(S3, container(endpoint, bucket), key, key, size, origin=origin)


def look_at(address: str, given: Checksum | None) -> RemoteFile:
    """What the server of a web address would tell. Raises `ProblemError`."""
    name = address.partition("?")[0].rpartition("/")[2]
    if "missing" in name:
        raise ProblemError(Code.NOT_THERE, status=404, name=name)
    if "expired" in address:
        raise ProblemError(Code.ADDRESS_EXPIRED, host="example.org")
    size = UNKNOWN_SIZE if "stream" in name else SizeRange.exactly(1_000_000 * (1 + len(name)))
    sums = () if given is None else (given,)
    if name.endswith(".zip"):
        sums = (*sums, Checksum(Algorithm.SHA256, "5e" * 32))
    return RemoteFile(WEB, "", address.partition("?")[0], name, size, origin=Origin((address,), checksums=sums))


def waiting(transfer: int) -> FileRow:
    """The one file of a transfer: its address has expired."""
    file = look_at("https://bucket.s3.example.com/model.bin?X-Amz-Signature=old", None)
    file = msgspec.structs.replace(file, path="kept name.bin")
    return FileRow(1, transfer, file, "kept_name.bin", FileState.WAITING, 5, None, "", "", None, 1, None)


def held_file(number: int, finding: str = "") -> HeldFile:
    return HeldFile(
        f"원천데이터/{number // 1000:03}/TS_{number:06}.zip", f"{number:064x}", (number % 977 + 3) << 20,
        "archive" if number % 6 else "length", "", "2026-11-18T07:06:40+00:00", finding,
    )  # fmt: skip


def held_page(wish: HoldingFiles) -> HeldFiles:
    """Of any folder: a hundred thousand files, of which two are damaged."""
    damaged = {17: "missing", 4_021: "changed"}
    if wish.damaged:
        return HeldFiles([held_file(number, finding) for number, finding in damaged.items()], len(damaged))
    numbers = range(wish.offset, min(MANY, wish.offset + wish.limit))
    return HeldFiles([held_file(number, damaged.get(number, "ok")) for number in numbers], MANY)


def rehearsed(wish: Rehearse) -> Rehearsal:
    """Ten files of any archive; on disks with names that say what they lack."""
    folder = wish.wish.folder
    return Rehearsal(
        wish.wish.places[0], encoding="cp949", entries=10, bytes=5 * MB, missing_entries=10, missing_bytes=5 * MB,
        free=6 * MB if "full" in folder else 90 << 30, names=["한글.json"], missing_folders=1, floor=MB,
        files_free=15 if "crowded" in folder else None,
    )  # fmt: skip


def _speech(wish: ListFiles) -> FileList:
    """A dataset of the hub that every number means."""
    names = [f"{kind}/{number:02}.zip" for kind in ("01.원천데이터", "02.라벨링데이터") for number in range(40)]
    size = SizeRange(900 * MB, 1000 * MB, "950 MB")
    files = [
        RemoteFile(HUB, wish.dataset, str(507_000 + n), f"한국어 음성/{name}", size) for n, name in enumerate(names)
    ]
    return FileList(Dataset(HUB, wish.dataset, "한국어 음성"), files, "", time.time())


def _stands(number: int) -> Standing:
    """Of any batch: of thirteen files one is broken and one released anew, and every fourth of the rest lacks."""
    odd = {3: Standing.BROKEN, 7: Standing.OLDER}
    return odd.get(number % 13) or (Standing.MISSING if number % 4 == 1 else Standing.THERE)


class Played:
    """Answers commands, one after the other."""

    def __init__(self) -> None:
        self.shop = Shop()
        self._transfers = itertools.count(1)
        self._files: dict[int, Add] = {}
        self._settings = Settings()

    def answer(self, command: AnyCommand) -> tuple[Any, Changed | None]:
        """(the result, an event that goes before it). Raises `ProblemError`."""
        match command:
            case Add():
                return self._add(command)
            case Configure():
                self._settings = changed(self._settings, command.changes)
                return None, Changed(0, settings=self._settings)
            case _:
                return self._tell(command), None

    def _tell(self, command: AnyCommand) -> Any:
        asked: dict[type, Callable[[Any], Any]] = {
            ListDatasets: lambda _: DatasetList([], time.time()),
            ShowKey: lambda _: KeyState("", ""),
            Space: lambda _: DiskSpace(90 << 30, 200 << 30, True, usable=80 << 30),
            ListHoldings: lambda _: Library([]),
            ListOutlines: lambda _: Outlines([]),
            FindArchives: lambda _: Archives(["a.zip", "b.zip"]),
            Rehearse: rehearsed,
            Begin: lambda _: Begun(1),
            HoldingFiles: held_page,
            Recognise: lambda _: Recognised([]),
            Discard: lambda _: Discarded(3, 5 * MB, 1),
            ListStorages: lambda _: self._list(),
            PutStorage: self._put,
            RemoveStorage: self._remove,
            Browse: self.shop.page,
            Expand: self._expand,
            Inspect: self._inspect,
            ListFiles: _speech,
            Compare: lambda wish: Compared([_stands(number) for number in range(len(wish.files))]),
            Rows: lambda wish: FileRows([waiting(wish.transfer)], 1),
        }
        known = asked.get(type(command))
        return known(command) if known else None

    def _list(self) -> Storages:
        return Storages(list(self.shop.storages.values()))

    def _put(self, wish: PutStorage) -> Storages:
        if wish.access_key and not wish.for_run and wish.storage.name == "no keychain":
            raise ProblemError(Code.KEYCHAIN_NONE)
        old = self.shop.storages.get(wish.storage.endpoint)
        masked = Secret(wish.access_key).masked() if wish.access_key else old.masked if old else ""
        self.shop.storages[wish.storage.endpoint] = StorageRow(wish.storage, masked)
        return self._list()

    def _remove(self, wish: RemoveStorage) -> Storages:
        self.shop.storages.pop(wish.endpoint, None)
        return self._list()

    def _expand(self, wish: Expand) -> FileList:
        dataset = Dataset(S3, container(wish.endpoint, wish.bucket), wish.bucket)
        return FileList(dataset, list(self.shop.all_below(wish)), "", time.time())

    @staticmethod
    def _inspect(wish: Inspect) -> Inspected:
        files: list[RemoteFile] = []
        problems: dict[str, Problem] = {}
        for address in wish.addresses:
            try:
                files.append(look_at(address, wish.checksums.get(address)))
            except ProblemError as error:
                problems[address] = error.problem
        return Inspected(files, problems)

    def _add(self, wish: Add) -> tuple[Added, Changed]:
        number = next(self._transfers)
        low = sum(file.size.low for file in wish.files)
        row = TransferRow(
            number, wish.dataset, wish.folder, TransferState.RUNNING, None, len(wish.files), 0, 0, 0, 0, 0, low, low,
            0, 0, time.time(), None,
        )  # fmt: skip
        return Added(number), Changed(0, [row])


def main(notes: Path) -> None:
    played = Played()
    for storage in (
        Storage(NAVER, "네이버 오브젝트 스토리지", "kr-standard", access=Access.KEYCHAIN),
        Storage(CLOSED, "Lab mirror"),
    ):
        played.shop.storages[storage.endpoint] = StorageRow(storage, "AKIA…7Q" if "ncloud" in storage.endpoint else "")
    out = sys.stdout.buffer
    out.write(wire.line(Snapshot(0, [], Settings(), "http://127.0.0.1:9")))
    out.flush()
    with notes.open("a", encoding="utf-8") as paper:
        for line in sys.stdin.buffer:
            paper.write(line.decode())
            paper.flush()
            command = wire.command(line)
            try:
                result, event = played.answer(command)
                reply = Answer(0, command.id, result=msgspec.to_builtins(result))
            except ProblemError as error:
                reply, event = Answer(0, command.id, refused=error.problem), None
            if event is not None:
                out.write(wire.line(event))
            out.write(wire.line(reply))
            out.flush()
            if isinstance(command, Quit):
                return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
