"""`aihub verify`: whether what was received is still what was received."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from aihub_desktop.cli.apart import apart
from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.report import proof_lines
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.findings import HARMLESS, Depth, Finding
from aihub_desktop.domain.leases import Proof
from aihub_desktop.holdings.account import Account
from aihub_desktop.holdings.looking import Seen
from aihub_desktop.holdings.report import WRITERS
from aihub_desktop.holdings.times import Times
from aihub_desktop.holdings.verify import ManifestLine, Report, has_manifest, listed
from aihub_desktop.holdings.verify import verify as look_again

_LINE_SECONDS: Final = 10.0
_Hear = Callable[[Sequence[Seen]], None]


def verify(session: Session, args: argparse.Namespace) -> Exit:
    """Looks at every file of the manifest; says each that is not as it was. FAILED where one is not."""
    console, folder = session.console, Path(os.path.abspath(args.folder))
    depth = Depth.QUICK if args.quick else Depth.DEEP
    reports = _reports(console, args.report)
    with contextlib.ExitStack() as stack:
        lines = _listed(console, stack, Path(args.manifest)) if args.manifest else None
        if lines is None:
            must_have_manifest(console, folder)
        speaker, times = Speaker(console, json=args.json), stack.enter_context(Times(folder))
        hearers: list[_Hear] = [speaker.hear, *([times.hear] if depth is Depth.DEEP else ())]
        account = None
        if reports:
            at = console.words.moment(time.time())
            account = Account(str(folder), depth, at, args.manifest or "", beside=reports[0].parent)
            hearers.append(stack.enter_context(account).hear)
        report = proofread(folder, _together(hearers), depth=depth, lines=lines, progress=speaker.progress)
        times.keep()
        if args.json:
            console.record(event="end", **{one.value: report.counts[one] for one in Finding}, bytes=report.bytes)
        else:
            say_verdict(console, report, depth)
            speaker.say_proofs()
        if account is not None:
            _write(console, account, reports)
    return Exit.DONE if report.is_right else Exit.FAILED


def _write(console: Console, account: Account, paths: Iterable[Path]) -> None:
    for path in paths:
        WRITERS[path.suffix.lower()](path, account, console.words)
        console.say("cli.verify.report-written", path=str(path))


def must_have_manifest(console: Console, folder: Path) -> None:
    """Raises `UsageError` where the folder has no list of its own."""
    if not has_manifest(folder):
        raise UsageError(console.words.say("cli.verify.no-manifest", path=str(folder)))


def _reports(console: Console, names: Sequence[str]) -> list[Path]:
    """Where reports are to go. Raises `UsageError` for a kind that there is none of, before hours of reading."""
    paths = [Path(os.path.abspath(name)) for name in names]
    for path in paths:
        if path.suffix.lower() not in WRITERS:
            raise UsageError(console.words.say("cli.verify.report-kind", path=str(path)))
    return paths


def _listed(console: Console, stack: contextlib.ExitStack, path: Path) -> Iterator[ManifestLine]:
    """What a list by `sha256sum` says; open as long as `stack` is. Raises `UsageError` for what is none."""
    try:
        lines = listed(stack.enter_context(path.expanduser().open("rb")))
        first = next(lines, None)
    except OSError as error:
        why = error.strerror or ""
        raise UsageError(console.words.say("cli.verify.manifest-unreadable", path=str(path), why=why)) from None
    if first is None:
        raise UsageError(console.words.say("cli.verify.manifest-empty", path=str(path)))
    return itertools.chain([first], lines)


def _together(hearers: Sequence[_Hear]) -> _Hear:
    def hear(seen: Sequence[Seen]) -> None:
        for one in hearers:
            one(seen)

    return hear


def proofread(
    folder: Path,
    hear: _Hear,
    *,
    depth: Depth = Depth.DEEP,
    lines: Iterable[ManifestLine] | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> Report:
    """Looks in a thread of its own, so that an interruption is heard here and stops it in the middle of a file."""
    return apart(
        lambda stop: look_again(folder, depth=depth, lines=lines, report=hear, progress=progress, stopped=stop.is_set)
    )


def say_verdict(console: Console, report: Report, depth: Depth = Depth.DEEP) -> None:
    words, count, unproved = console.words, report.listed, report.counts[Finding.UNPROVED]
    bad = count - report.counts[Finding.OK] - unproved
    if bad:
        console.data(words.say("cli.verify.bad", n=count, bad=bad))
    elif not unproved:
        console.data(words.say("cli.verify.good" if depth is Depth.DEEP else "cli.verify.good-quick", n=count))
    if unproved:
        console.data(words.say("cli.verify.only-unproved", n=count, unproved=unproved))


class Speaker:
    """Says each finding when it comes: all of them as JSON, those worth a look as text."""

    def __init__(self, console: Console, *, json: bool) -> None:
        self._console = console
        self._json = json
        self._files = 0
        self._proofs: Counter[tuple[str, str]] = Counter()
        self._next = time.monotonic() + _LINE_SECONDS

    def hear(self, seen: Sequence[Seen]) -> None:
        if self._json:
            self._console.records([_record(one) for one in seen])
        else:
            for one in seen:
                if one.finding is not Finding.OK:
                    self._say(one)
        self._files += len(seen)
        self._proofs.update([(one.proof, one.note) for one in seen if one.entry is not None and one.proof])

    def _say(self, seen: Seen) -> None:
        # What is wrong is the answer to the question; what merely lies there is an aside.
        say = self._console.tell if seen.finding in HARMLESS else self._console.data
        say(self._console.words.say(f"cli.verify.{seen.finding}", path=seen.path))

    def progress(self, read: int) -> None:
        """`read`: bytes so far."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_SECONDS
            self._console.say("cli.verify.progress", n=self._files, bytes=self._console.words.size(read))

    def say_proofs(self) -> None:
        """How the files that are as they were had been proved, where a place gave a checksum of one of them."""
        if any(proof == Proof.CHECKSUM for proof, _ in self._proofs):
            self._console.data(self._console.words.say("cli.verify.proved"))
            for line in proof_lines(self._console.words, self._proofs):
                self._console.data(f"  {line}")


def _record(seen: Seen) -> dict[str, object]:
    proof = {"proof": seen.proof, "note": seen.note} if seen.proof else {}
    return {"event": "file", "path": seen.path, "state": seen.finding, "bytes": seen.bytes, **proof}
