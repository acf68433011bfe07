"""`aihub datasets` and `aihub files`."""

from __future__ import annotations

import argparse
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from aihub_desktop.cli.console import Console, padded, width
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.messages import DatasetList, ListDatasets
from aihub_desktop.domain.model import Dataset, RemoteFile, SizeRange


def datasets(session: Session, args: argparse.Namespace) -> Exit:
    """Lists the datasets of which key or title holds every word."""
    with session.engine() as engine:
        listed = engine.ask(ListDatasets(engine.number(), refresh=True), DatasetList)
    session.say_age(listed)
    found = matching(listed.datasets, args.words)
    if args.json:
        for one in found:
            # The hub's packages have keys of their own, so they must not pass for datasets.
            session.console.record(key=one.key, title=one.title, **({"package": True} if one.package else {}))
        return Exit.DONE
    if not found:
        session.console.say("cli.datasets.none")
    _show_datasets(session.console, found)
    return Exit.DONE


def matching(listed: Iterable[Dataset], words: Sequence[str]) -> list[Dataset]:
    """Those whose key and title together hold every word, in whatever case and composition."""
    wanted = [_comparable(word) for word in words]
    return [one for one in listed if all(word in _comparable(f"{one.key} {one.title}") for word in wanted)]


def _comparable(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _show_datasets(console: Console, found: Sequence[Dataset]) -> None:
    columns = max((len(one.key) for one in found), default=0)
    for one in found:
        mark = f" {console.words.say('cli.datasets.package')}" if one.package else ""
        console.data(f"{one.key:>{columns}}  {one.title}{mark}")


def files(session: Session, args: argparse.Namespace) -> Exit:
    """Lists the files of one dataset, as its tree."""
    with session.engine() as engine:
        listed = session.file_list(engine, args.key, args.package)
    if args.json:
        records(session.console, listed.files)
        return Exit.DONE
    if listed.notice:
        session.console.say("cli.files.notice", text=listed.notice)
    if listed.dataset.title:
        session.console.data(f"{listed.dataset.key}  {listed.dataset.title}")
    table(session.console, listed.files)
    return Exit.DONE


def records(console: Console, listed: Iterable[RemoteFile]) -> None:
    """A JSON line for each file."""
    for file in listed:
        size = file.size
        console.record(
            file_key=file.key, path=file.path, size_shown=size.shown, size_min=size.low, size_max=size.high
        )  # fmt: skip


def table(console: Console, listed: Sequence[RemoteFile]) -> None:
    """Key, size and place in the tree of each file, and the sum."""
    keys = max((len(file.key) for file in listed), default=0)
    sizes = max((width(file.size.shown) for file in listed), default=0)
    plain = not console.can_show("├─│└")
    for branch, file in tree(listed, plain=plain):
        key, size = (file.key, file.size.shown) if file else ("", "")
        console.data(f"{key:>{keys}}  {padded('', sizes - width(size))}{size}  {branch}")
    console.data(console.words.say("cli.files.total", n=len(listed), size=console.words.size_range(total(listed))))


def total(listed: Iterable[RemoteFile]) -> SizeRange:
    """The sum of sizes that are known within a range each."""
    ranges = [file.size for file in listed]
    return SizeRange(sum(size.low for size in ranges), sum(size.high for size in ranges), "")


def tree(listed: Iterable[RemoteFile], *, plain: bool = False) -> Iterator[tuple[str, RemoteFile | None]]:
    """(drawn branch, file) for each line of the tree; None for a folder. `plain`: drawn with ASCII alone."""
    top = _Folder()
    for file in listed:
        *folders, name = file.path.split("/")
        place = top
        for part in folders:
            place = place.folder(part)
        place.inside.append((name, file))
    yield from _drawn(top, "", ("|-- ", "`-- ", "|   ", "    ") if plain else ("├─ ", "└─ ", "│  ", "   "))


class _Folder:
    """A folder with what is in it, in the order of the hub's tree."""

    def __init__(self) -> None:
        self.inside: list[tuple[str, RemoteFile | _Folder]] = []
        self._folders: dict[str, _Folder] = {}

    def folder(self, name: str) -> _Folder:
        if name not in self._folders:
            self._folders[name] = _Folder()
            self.inside.append((name, self._folders[name]))
        return self._folders[name]


def _drawn(folder: _Folder, before: str, signs: tuple[str, str, str, str]) -> Iterator[tuple[str, RemoteFile | None]]:
    between, last, line, blank = signs
    for place, (name, item) in enumerate(folder.inside):
        ends = place == len(folder.inside) - 1
        branch = f"{before}{last if ends else between}{name}"
        if isinstance(item, _Folder):
            yield f"{branch}/", None
            yield from _drawn(item, before + (blank if ends else line), signs)
        else:
            yield branch, item
