"""`aihub fetch`: files of any web address and of object storages, onto disk and verified."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.endpoint import Choice, endpoint_in_use
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.get import target
from aihub_desktop.cli.report import Refusal
from aihub_desktop.cli.request import Order
from aihub_desktop.cli.run import Batch, Found, carry_out
from aihub_desktop.cli.session import Session
from aihub_desktop.domain import addresses, sums
from aihub_desktop.domain.addresses import AddressError, ListError, ObjectAddress, Wish
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.messages import Browse, Expand, FileList, Inspect, Inspected, Shelf
from aihub_desktop.domain.model import S3, UNKNOWN_SIZE, WEB, Checksum, Dataset, Origin, RemoteFile
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.storage import container
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.system.words import Words

# 100,000 objects are a hundred pages, 20,000 addresses as many questions; Ctrl-C is heard meanwhile.
_LONGEST_SECONDS: Final = 6 * 3600.0
_LARGEST_LIST: Final = 64 << 20
_TITLE_HOSTS: Final = 3
# What a storage says of one address, it would say of every other.
_OF_THE_WHOLE: Final = frozenset({Code.UNREACHABLE, Code.TLS_UNTRUSTED, Code.NO_CREDENTIALS, Code.CLOCK_WRONG})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request(Order):
    wishes: Sequence[Wish]
    sums: Mapping[str, Checksum]
    storage: Choice


def fetch(session: Session, args: argparse.Namespace) -> Exit:
    """Receives what the addresses name. Raises `ProblemError` and `UsageError` where nothing could be begun."""
    words = session.console.words
    request = _Request(
        folder=target(session.console, args.to),
        wishes=_wishes(words, args),
        sums=_sums(words, args.sums) if args.sums else {},
        storage=Choice.of(args),
        connections=args.connections, limit=args.limit, hours=args.hours, patience=args.patience,
        dry_run=args.dry_run, json=args.json,
    )  # fmt: skip

    def find(engine: LocalEngine) -> Found:
        return Search(session, engine, request.storage, request.sums).found(request.wishes)

    return carry_out(session, request, find)


# ---- what is wanted ----


def _wishes(words: Words, args: argparse.Namespace) -> list[Wish]:
    """Of the command and of its list, each once. Raises `UsageError`."""
    wishes = wishes_of(words, args.addresses, args.list or "")
    if not wishes:
        raise UsageError(words.say("cli.fetch.no-address"))
    for name, given in (("--out", args.out), ("--checksum", args.checksum)):
        if given and len(wishes) > 1:
            raise UsageError(words.say("cli.fetch.for-one", name=name))
    if args.out is not None:
        wishes = [msgspec.structs.replace(wishes[0], out=args.out)]
    if args.checksum is not None:
        wishes = [msgspec.structs.replace(wishes[0], checksum=args.checksum)]
    for wish in wishes:
        _check(words, wish)
    return wishes


def wishes_of(words: Words, named: Iterable[str], list_name: str) -> list[Wish]:
    """Addresses, and those of a list, each once. Raises `UsageError` for a list that cannot be read."""
    wishes = [Wish(address) for address in named]
    if list_name:
        wishes += _listed(words, list_name)
    return list({wish.address: wish for wish in wishes}.values())


def _check(words: Words, wish: Wish) -> None:
    """Raises `UsageError` for a name or a checksum of what is more than one file, and for a name that is none."""
    if _is_prefix(wish.address) and (wish.out or wish.checksum is not None):
        raise UsageError(words.say("cli.fetch.for-one", name="--out" if wish.out else "--checksum"))
    try:
        if wish.out:
            safe_path(wish.out)
    except UnsafeNameError:
        raise UsageError(words.say("cli.fetch.unsafe-out", name=wish.out)) from None


def _is_prefix(address: str) -> bool:
    try:
        return addresses.object_address(address).is_prefix
    except AddressError:
        return False


def _listed(words: Words, name: str) -> list[Wish]:
    text = _text_of(words, name)
    try:
        return addresses.parse_list(text)
    except ListError as error:
        if not error.line:
            raise UsageError(words.say("cli.fetch.list-empty", path=name)) from None
        raise UsageError(words.say("cli.fetch.list-line", path=name, line=error.line)) from None


def _sums(words: Words, name: str) -> dict[str, Checksum]:
    try:
        return sums.parse(_text_of(words, name))
    except sums.SumsError:
        raise UsageError(words.say("cli.fetch.no-sums", path=name)) from None


def _text_of(words: Words, name: str) -> str:
    """What a file says, or standard input for "-". Raises `UsageError` for what cannot be read as text."""
    try:
        if name == "-":
            raw = b"" if sys.stdin is None else sys.stdin.buffer.read(_LARGEST_LIST + 1)
        else:
            with Path(name).expanduser().open("rb") as file:
                raw = file.read(_LARGEST_LIST + 1)
    except OSError as error:
        raise UsageError(words.say("cli.fetch.unreadable", path=name, why=error.strerror or "")) from None
    if len(raw) > _LARGEST_LIST or b"\0" in raw:
        raise UsageError(words.say("cli.fetch.no-text", path=name))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(words.say("cli.fetch.no-text", path=name)) from None


# ---- what there is ----


class Search:
    """Asks the engine what wishes come to. One that comes to nothing keeps none of the others back.

    `ask_all`: each web address is asked for its size and validator, not just those that tell too little.
    """

    def __init__(
        self, session: Session, engine: LocalEngine, storage: Choice, sums: Mapping[str, Checksum] | None = None,
        *, ask_all: bool = False,
    ) -> None:  # fmt: skip
        self._ask_all = ask_all
        self._session = session
        self._engine = engine
        self._storage = storage
        self._sums = sums or {}
        self._refused: list[Refusal] = []

    def found(self, wishes: Iterable[Wish]) -> Found:
        """Raises `UsageError` where it cannot be told which storage is meant."""
        objects: list[tuple[Wish, ObjectAddress]] = []
        web: dict[str, Wish] = {}
        for wish in wishes:
            try:
                if addresses.is_object(wish.address):
                    objects.append((wish, addresses.object_address(wish.address)))
                else:
                    web["\t".join(map(_web_address, (wish.address, *wish.mirrors)))] = wish
            except AddressError:
                shown = addresses.shown(wish.address)
                self._refused.append(Refusal(shown, Problem(Code.BAD_ADDRESS)))
        batches = [*self._of_the_web(web), *self._of_storages(objects)]
        return Found(self._with_sums(batches), self._refused)

    def _of_the_web(self, wishes: Mapping[str, Wish]) -> Iterable[Batch]:
        if not wishes:
            return
        names = {entry: wish.out for entry, wish in wishes.items() if wish.out}
        checksums = {entry: wish.checksum for entry, wish in wishes.items() if wish.checksum is not None}
        asked = Inspect(self._engine.number(), list(wishes), names, checksums, self._ask_all)
        inspected = self._engine.ask(asked, Inspected, timeout=_LONGEST_SECONDS)
        for entry, problem in inspected.problems.items():
            wish = wishes.get(entry)
            self._refused.append(Refusal(addresses.shown(wish.address if wish else entry), problem))
        if inspected.files:
            yield Batch(Dataset(WEB, "", _title(inspected.files)), inspected.files, in_order=True)

    def _of_storages(self, wishes: Sequence[tuple[Wish, ObjectAddress]]) -> Iterable[Batch]:
        if not wishes:
            return
        endpoint = endpoint_in_use(self._engine, self._session.console.words, self._storage)
        buckets: dict[str, list[RemoteFile]] = {}
        titles: dict[str, list[str]] = {}
        away: ProblemError | None = None
        for wish, address in wishes:
            try:
                if away is not None:
                    raise away
                files = self._objects(endpoint, wish, address)
            except ProblemError as error:
                away = error if error.problem.code in _OF_THE_WHOLE else None
                self._refused.append(Refusal(str(address), error.problem))
                continue
            buckets.setdefault(address.bucket, []).extend(files)
            titles.setdefault(address.bucket, []).append(str(address))
        for bucket, found in buckets.items():
            named = titles[bucket]
            title = named[0] if len(named) == 1 else f"s3://{bucket}/"
            alone = list({(file.key, file.path): file for file in found}.values())
            yield Batch(Dataset(S3, container(endpoint, bucket), title), alone, in_order=True)

    def _objects(self, endpoint: str, wish: Wish, address: ObjectAddress) -> list[RemoteFile]:
        """Raises `ProblemError`."""
        if not address.is_prefix:
            return [_as_wished(self._object(endpoint, address), wish)]
        asked = Expand(self._engine.number(), endpoint, address.bucket, [address.key], address.key)
        files = self._engine.ask(asked, FileList, timeout=_LONGEST_SECONDS).files
        if not files:
            raise ProblemError(Code.NOT_THERE)
        return files

    def _object(self, endpoint: str, address: ObjectAddress) -> RemoteFile:
        name = address.key.rpartition("/")[2]
        asked = Browse(self._engine.number(), endpoint, address.bucket, address.key)
        try:
            shelf = self._engine.ask(asked, Shelf)
        except ProblemError as error:
            if error.problem.code is not Code.NO_ACCESS:
                raise
            # Whoever may read an object need not be allowed to list its bucket.
            place = container(endpoint, address.bucket)
            return RemoteFile(S3, place, address.key, name, UNKNOWN_SIZE, origin=Origin())
        for file in shelf.files:
            if file.key == address.key:
                return msgspec.structs.replace(file, path=name)
        if "" in shelf.folders:
            self._session.console.note("cli.fetch.folder", address=f"{address}/")
        raise ProblemError(Code.NOT_THERE)

    def _with_sums(self, batches: Sequence[Batch]) -> list[Batch]:
        """The batches with the checksums of --sums; says how many files these do not name."""
        if not self._sums:
            return list(batches)
        paths = [file.path for batch in batches for file in batch.files]
        found = sums.matched(self._sums, paths)
        if missing := sum(path not in found for path in paths):
            self._session.console.note("cli.fetch.not-in-sums", n=missing)
        return [
            batch._replace(files=[_with_checksum(file, found.get(file.path)) for file in batch.files])
            for batch in batches
        ]


def _web_address(text: str) -> str:
    """As the engine takes it: a Metalink on disk is named by an address too. Raises `AddressError`."""
    if addresses.has_scheme(text):
        return addresses.web_address(text)
    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.isfile(path):
        raise AddressError
    return Path(path).as_uri()


def _as_wished(file: RemoteFile, wish: Wish) -> RemoteFile:
    return _with_checksum(msgspec.structs.replace(file, path=wish.out or file.path), wish.checksum)


def _with_checksum(file: RemoteFile, checksum: Checksum | None) -> RemoteFile:
    """The file with a checksum that a person gave, which counts before those of the place."""
    if checksum is None or (file.origin is not None and checksum in file.origin.checksums):
        return file
    origin = file.origin or Origin()
    others = tuple(one for one in origin.checksums if one.algorithm is not checksum.algorithm)
    return msgspec.structs.replace(file, origin=msgspec.structs.replace(origin, checksums=(checksum, *others)))


def _title(files: Sequence[RemoteFile]) -> str:
    """The hosts that the files are of."""
    firsts = (file.origin.addresses[0] for file in files if file.origin is not None and file.origin.addresses)
    hosts = list(dict.fromkeys(addresses.host(one) for one in firsts))
    return ", ".join(hosts[:_TITLE_HOSTS]) + (", …" if len(hosts) > _TITLE_HOSTS else "")
