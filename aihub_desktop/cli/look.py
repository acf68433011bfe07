"""`aihub look`: what lies in an archive, and one entry of it, without unpacking. Text is shown, nothing is run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.archives.entry import Item, Kind
from aihub_desktop.archives.inside import entry_bytes, find_entry, save, why_closed
from aihub_desktop.archives.opening import AnyArchive, open_archive
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console, padded
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.unpack import check_encoding

_LONGEST_TEXT: Final = 16 << 20  # more is for a file, not for a screen
_CONTROL: Final = {sign: "�" for sign in (*range(32), *range(127, 160)) if chr(sign) not in "\n\t"}


def look(session: Session, args: argparse.Namespace) -> Exit:
    """Lists the entries, or shows one. Raises `ProblemError` and `UsageError`."""
    console = session.console
    check_encoding(console, args.encoding)
    if args.output and args.entry is None:
        raise UsageError(console.words.say("cli.look.output-needs-entry"))
    with open_archive(Path(args.archive).expanduser(), args.encoding) as archive:
        if args.entry is None:
            _list(console, archive, as_json=args.json)
            return Exit.DONE
        return _show(console, archive, args.entry, args.output)


def _list(console: Console, archive: AnyArchive, *, as_json: bool) -> None:
    count = size = 0
    for item in archive.items():
        if item.kind is Kind.FILE:
            count, size = count + 1, size + item.size
        if as_json:
            console.record(
                event="entry", name=item.name, kind=item.kind, size=item.size, packed=item.packed,
                encrypted=item.encrypted, opens=item.opens,
            )  # fmt: skip
        elif item.kind is not Kind.FOLDER:
            console.data(f"{padded(console.words.size(item.size), 10)}  {_plain(item.name)}{_mark(console, item)}")
    if as_json:
        console.record(event="end", files=count, bytes=size, encoding=archive.encoding)
    else:
        text = console.words.say("cli.look.total", n=count, size=console.words.size(size), encoding=archive.encoding)
        console.tell(text)


def _mark(console: Console, item: Item) -> str:
    why = why_closed(item)
    return "" if why is None else f"  ({console.words.say(f'refusal.{why}')})"


def _show(console: Console, archive: AnyArchive, name: str, output: str | None) -> Exit:
    words = console.words
    item = find_entry(archive, name)
    if item is None:
        raise UsageError(words.say("cli.look.no-entry", name=_plain(name)))
    if (why := why_closed(item)) is not None:
        console.say("cli.look.closed", name=_plain(name), why=words.say(f"refusal.{why}"))
        return Exit.FAILED
    portions = entry_bytes(archive, item)
    if output == "-":
        _to_stdout(portions)
    elif output:
        save(Path(os.path.abspath(os.path.expanduser(output))), portions)
        console.say("cli.look.written", path=output, size=words.size(item.size))
    elif item.size > _LONGEST_TEXT or (text := _text(b"".join(portions))) is None:
        console.say("cli.look.no-text", name=_plain(name), size=words.size(item.size))
        return Exit.FAILED
    else:
        console.data(text)
    return Exit.DONE


def _text(data: bytes) -> str | None:
    """As it can be read; JSON with its lines drawn apart. None for what is no text."""
    if b"\0" in data:
        return None
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return _drawn(text).replace("\r\n", "\n").translate(_CONTROL).rstrip("\n")
    return None


def _drawn(text: str) -> str:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return text


def _to_stdout(portions: Iterator[bytes]) -> None:
    try:
        for portion in portions:
            sys.stdout.buffer.write(portion)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(name: str) -> str:
    """A name cannot move the cursor."""
    return name.translate(_CONTROL | {9: "�", 10: "�"})
