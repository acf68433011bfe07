"""`aihub storage`: the object storages that are known, and what lies in them. Keys are asked, and never shown whole."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console, padded, width
from aihub_desktop.cli.endpoint import SHORT, Choice, endpoint_in_use, known, named
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.terminal import is_terminal
from aihub_desktop.domain.addresses import AddressError, ObjectAddress, object_address
from aihub_desktop.domain.messages import (
    Browse,
    ListStorages,
    PutStorage,
    RemoveStorage,
    Shelf,
    StorageRow,
    Storages,
)
from aihub_desktop.domain.model import RemoteFile, Secret
from aihub_desktop.domain.storage import Access, Storage
from aihub_desktop.system.words import Words

_KEY: Final = re.compile(r"[\x21-\x7e]{1,256}")
_SIZE_COLUMNS: Final = 12  # pages are shown as they come, so no width can be known beforehand


def storage(session: Session, args: argparse.Namespace) -> Exit:
    return _ACTIONS[args.action](session, args)


def _add(session: Session, args: argparse.Namespace) -> Exit:
    console = session.console
    choice = Choice.of(args)
    endpoint = named(console.words, args.endpoint, ())
    asks = choice.profile is None and not choice.anonymous
    # Read before the engine starts: a person may take a while, and nobody else should be kept out meanwhile.
    access_key, secret_key = _keys(console.words, stdin=args.stdin) if asks else ("", None)
    wanted = choice.applied(
        Storage(endpoint, args.name or _short_name(endpoint), access=Access.KEYCHAIN if asks else Access.PROFILE)
    )
    with session.engine() as engine:
        rows = engine.ask(PutStorage(engine.number(), wanted, access_key, secret_key), Storages).rows
    masked = next((row.masked for row in rows if row.storage.endpoint == endpoint), "")
    access = _access(console.words, StorageRow(wanted, masked))
    console.say("cli.storage.added", endpoint=endpoint, access=access)
    return Exit.DONE


def _short_name(endpoint: str) -> str:
    return next((name for name, known in SHORT.items() if known == endpoint), "")


def _keys(words: Words, *, stdin: bool) -> tuple[str, Secret]:
    """The access key and the secret key. Raises `UsageError` for what are none."""
    if stdin:
        lines = [] if sys.stdin is None else [sys.stdin.readline(), sys.stdin.readline()]
    elif is_terminal(sys.stdin):
        lines = [getpass.getpass(words.say(f"cli.storage.prompt.{key}")) for key in ("access", "secret")]
    else:
        raise UsageError(words.say("cli.storage.no-terminal"))
    keys = [line.strip() for line in lines]
    if len(keys) != 2 or not all(_KEY.fullmatch(key) for key in keys):
        raise UsageError(words.say("cli.storage.odd"))
    return keys[0], Secret(keys[1])


def _list(session: Session, args: argparse.Namespace) -> Exit:
    console, words = session.console, session.console.words
    with session.engine() as engine:
        rows = engine.ask(ListStorages(engine.number()), Storages).rows
    if args.json:
        for row in rows:
            console.record(**msgspec.to_builtins(row.storage), masked=row.masked)
        return Exit.DONE
    if not rows:
        console.say("cli.storage.none")
    names = max((width(row.storage.name) for row in rows), default=0)
    endpoints = max((width(row.storage.endpoint) for row in rows), default=0)
    for row in rows:
        one = row.storage
        about = words.say("cli.storage.row", access=_access(words, row), region=one.region, style=one.style)
        console.data(f"{padded(one.name, names)}  {padded(one.endpoint, endpoints)}  {about}")
    return Exit.DONE


def _access(words: Words, row: StorageRow) -> str:
    return words.say(f"cli.storage.access.{row.storage.access}", masked=row.masked, profile=row.storage.profile)


def _remove(session: Session, args: argparse.Namespace) -> Exit:
    with session.engine() as engine:
        rows = engine.ask(ListStorages(engine.number()), Storages).rows
        endpoint = known(session.console.words, args.endpoint, rows)
        engine.ask(RemoveStorage(engine.number(), endpoint), Storages)
    session.console.say("cli.storage.removed", endpoint=endpoint)
    return Exit.DONE


def _ls(session: Session, args: argparse.Namespace) -> Exit:
    """Folders and objects, page by page as they come."""
    console = session.console
    bucket, prefix = _place(console.words, args.address)
    count = 0
    with session.engine() as engine:
        endpoint = endpoint_in_use(engine, console.words, Choice.of(args))
        after, asked = "", set[str]()
        while True:
            shelf = engine.ask(Browse(engine.number(), endpoint, bucket, prefix, after), Shelf)
            _say_shelf(console, shelf, bucket, prefix, args.json)
            count += len(shelf.folders) + len(shelf.files)
            asked.add(after)
            # A storage that leads round in a circle would be asked for ever.
            if not shelf.next or shelf.next in asked:
                break
            after = shelf.next
    if not count and not args.json:
        console.say("cli.storage.empty")
    return Exit.DONE


def _place(words: Words, text: str | None) -> tuple[str, str]:
    """(bucket, prefix that ends in a slash or is empty)."""
    if text is None:
        return "", ""
    try:
        address = object_address(text)
    except AddressError:
        raise UsageError(words.say("cli.storage.no-address", address=text)) from None
    return address.bucket, address.key if address.is_prefix else f"{address.key}/"


def _say_shelf(console: Console, shelf: Shelf, bucket: str, prefix: str, json: bool) -> None:
    for folder in shelf.folders:
        if json:
            key = f"{prefix}{folder}/" if bucket else ""
            console.record(folder=str(ObjectAddress(bucket or folder, key)))
        else:
            console.data(f"{'':{_SIZE_COLUMNS}}  {folder}/")
    for file in shelf.files:
        if json:
            console.record(**_record(file, bucket))
        else:
            size = console.words.file_size(file.size)
            console.data(f"{padded('', _SIZE_COLUMNS - width(size))}{size}  {file.key.removeprefix(prefix)}")


def _record(file: RemoteFile, bucket: str) -> dict[str, object]:
    size = None if file.size.is_unknown else file.size.low
    return {
        "object": str(ObjectAddress(bucket, file.key)), "size": size, "etag": file.origin.etag if file.origin else "",
    }  # fmt: skip


_ACTIONS: Final[dict[str, Callable[[Session, argparse.Namespace], Exit]]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
    "ls": _ls,
}
