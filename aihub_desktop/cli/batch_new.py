"""`aihub batch new`: a batch file from datasets, file keys, patterns and addresses."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.fetch import wishes_of
from aihub_desktop.cli.session import Session
from aihub_desktop.domain import addresses, batchtext
from aihub_desktop.domain.addresses import Wish
from aihub_desktop.domain.batchfile import SUFFIX, VERSION, AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.engine.beside import kept_datasets
from aihub_desktop.holdings.writing import replaced


def run(session: Session, args: argparse.Namespace) -> Exit:
    """Writes the file. Raises `UsageError`, `ProblemError` for what the disk says."""
    console = session.console
    path = _path(console, args.output, force=args.force)
    if args.delete_archive and not args.unpack:
        raise UsageError(console.words.say("cli.get.delete-needs-unpack"))
    batch = _batch(session, args)
    raw = batchtext.written(batch)
    _check(console, raw)
    with replaced(path) as file:
        file.write(raw)
    console.data(console.words.say("cli.batch.written", path=str(path)))
    return Exit.DONE


def _check(console: Console, raw: bytes) -> None:
    """Nothing is written that could not be read again. Raises `UsageError`."""
    try:
        batchtext.parse(raw)
    except ProblemError as error:
        facts = error.problem.facts
        line = raw.decode().splitlines()[int(facts.get("line", 1)) - 1].strip()
        raise UsageError(
            console.words.say("cli.batch.wrong", why=console.words.say(f"why.{facts['why']}"), line=line)
        ) from None


def _path(console: Console, text: str, *, force: bool) -> Path:
    path = Path(os.path.abspath(os.path.expanduser(text)))
    path = path if path.suffix else path.with_name(path.name + SUFFIX)
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(console.words.say("cli.batch.no-place", path=str(path)))
    if os.path.lexists(path) and not force:
        raise UsageError(console.words.say("cli.batch.exists", path=str(path)))
    return path


def _batch(session: Session, args: argparse.Namespace) -> BatchFile:
    named = [text for text in args.wishes if addresses.has_scheme(text)]
    keys = [text for text in args.wishes if not addresses.has_scheme(text)]
    wishes = wishes_of(session.console.words, named, args.list or "") if named or args.list else []
    if not keys and not wishes:
        raise UsageError(session.console.words.say("cli.batch.nothing"))
    if not keys and (args.include or args.exclude):
        raise UsageError(session.console.words.say("cli.batch.patterns"))
    titles = {(one.key, one.package): one.title for one in kept_datasets(session.home)}
    return BatchFile(
        aihubbatch=VERSION,
        name=args.name,
        to=args.to,
        datasets=tuple(_dataset(text, args, titles) for text in keys),
        addresses=tuple(map(_address, wishes)),
        endpoint=args.endpoint,
        unpack=args.unpack,
        delete_archives=args.delete_archive,
    )


def _dataset(text: str, args: argparse.Namespace, titles: dict[tuple[str, bool], str]) -> DatasetWish:
    """KEY, or KEY:FILEKEY,FILEKEY."""
    key, colon, files = text.partition(":")
    title = titles.get((key, args.package), "")
    # An empty key after a comma is kept, for the reader of the file to point at.
    wanted = tuple(files.split(",")) if colon else ()
    return DatasetWish(key, title, args.package, wanted, tuple(args.include), tuple(args.exclude))


def _address(wish: Wish) -> AddressWish:
    checksum = f"{wish.checksum.algorithm}:{wish.checksum.value}" if wish.checksum else ""
    return AddressWish(wish.address, wish.mirrors, wish.out, checksum)
