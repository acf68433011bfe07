"""`aihub batch show`: what a batch file says, in words, with numbers where the catalogue's copy has them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from aihub_desktop.cli.batches import read_batch
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.listing import total, total_text
from aihub_desktop.cli.session import Session
from aihub_desktop.domain import addresses
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.messages import FileList
from aihub_desktop.domain.selection import chosen, unknown_keys
from aihub_desktop.engine.beside import kept_trees
from aihub_desktop.system.words import Words


def run(session: Session, args: argparse.Namespace) -> Exit:
    """Asks nobody. Raises as `read_batch`."""
    console = session.console
    batch = read_batch(console, args.file)
    trees = kept_trees(session.home, ((one.key, one.package) for one in batch.datasets))
    if args.json:
        plain = msgspec.to_builtins(batch)
        for wish, told in zip(batch.datasets, plain.get("datasets", []), strict=True):
            told.update(_numbers(wish, trees.get((wish.key, wish.package))))
        console.record(**plain)
        return Exit.DONE
    for line in _lines(console.words, batch, trees):
        console.data(line)
    return Exit.DONE


def _numbers(wish: DatasetWish, tree: FileList | None) -> dict[str, object]:
    if tree is None:
        return {}
    files = chosen(tree.files, wish.files, wish.include, wish.exclude)
    size, _ = total(files)
    return {"files_known": len(files), "size_min": size.low, "size_max": size.high, "listed_at": round(tree.asked_at)}


def _lines(words: Words, batch: BatchFile, trees: dict[tuple[str, bool], FileList]) -> Iterator[str]:
    if batch.name:
        yield batch.name
    if batch.to:
        yield words.say("cli.batch.to", folder=batch.to)
    for wish in batch.datasets:
        yield from _dataset(words, wish, trees.get((wish.key, wish.package)))
    for one in batch.addresses:
        yield _address(words, one)
    if batch.endpoint:
        yield words.say("cli.batch.endpoint", endpoint=batch.endpoint)
    if batch.unpack:
        yield words.say("cli.batch.unpacked-deleted" if batch.delete_archives else "cli.batch.unpacked")


def _dataset(words: Words, wish: DatasetWish, tree: FileList | None) -> Iterator[str]:
    title = wish.title or (tree.dataset.title if tree is not None else "")
    yield words.say("cli.batch.package" if wish.package else "cli.batch.dataset", dataset=wish.key, title=title)
    if wish.files:
        yield "  " + words.say("cli.batch.files", n=len(wish.files))
    for name in ("include", "exclude"):
        if patterns := getattr(wish, name):
            yield "  " + words.say(f"cli.batch.{name}", patterns=", ".join(patterns))
    if tree is None:
        yield "  " + words.say("cli.batch.no-copy")
        return
    files = chosen(tree.files, wish.files, wish.include, wish.exclude)
    at = words.moment(tree.asked_at)
    yield "  " + words.say("cli.batch.comes-to", n=len(files), size=total_text(words, total(files)), at=at)
    if unknown := unknown_keys(tree.files, wish.files):
        yield "  " + words.say("cli.batch.unknown", n=len(unknown), keys=", ".join(unknown[:10]))


def _address(words: Words, one: AddressWish) -> str:
    """Without what may be secret in it."""
    return words.say("cli.batch.address", address=addresses.shown(one.address), out=one.out, checksum=one.checksum)
