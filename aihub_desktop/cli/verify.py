"""`aihub verify`: whether what was received is still what was received."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.report import proof_lines
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.domain.leases import Proof
from aihub_desktop.domain.names import OWN_FOLDER
from aihub_desktop.holdings.verify import Finding, Report, Seen
from aihub_desktop.holdings.verify import verify as read_again

_LINE_SECONDS: Final = 10.0
# These do no harm: other files may well lie in the folder, and a download may not be over.
_HARMLESS: Final = frozenset({Finding.OK, Finding.EXTRA, Finding.UNFINISHED})


def verify(session: Session, args: argparse.Namespace) -> Exit:
    """Reads every file of the manifest again; says each that is not as it was. FAILED where one is not."""
    console, folder = session.console, Path(os.path.abspath(args.folder))
    if not (folder / OWN_FOLDER / "manifest-sha256.txt").is_file():
        raise UsageError(console.words.say("cli.verify.no-manifest", path=str(folder)))
    speaker = _Speaker(console, args.json)
    report = proofread(folder, speaker.hear)
    if args.json:
        counts = {finding.value: len(getattr(report, finding.value)) for finding in Finding}
        console.record(event="end", **counts, bytes=report.bytes)
    else:
        say_verdict(console, report)
        speaker.say_proofs()
    return Exit.DONE if report.is_right else Exit.FAILED


def proofread(folder: Path, hear: Callable[[Seen], None]) -> Report:
    """Reads in a thread of its own, so that an interruption is heard here and stops it in the middle of a file."""
    stop = threading.Event()
    outcome: list[Report | BaseException] = []

    def read() -> None:
        try:
            outcome.append(read_again(folder, report=hear, stopped=stop.is_set))
        except BaseException as error:
            outcome.append(error)

    reader = threading.Thread(target=read, name="verify")
    reader.start()
    try:
        while reader.is_alive():
            reader.join(0.2)
    finally:
        stop.set()
        reader.join()
    match outcome:
        case [Report() as report]:
            return report
        case [ProblemError() as error]:
            raise ProblemError.of(error.problem)
        case [BaseException() as error]:
            raise error
    raise AssertionError("a reader that ended left no outcome")


def say_verdict(console: Console, report: Report) -> None:
    bad = len(report.missing) + len(report.changed) + len(report.unreadable) + len(report.unsafe) + len(report.skipped)
    count = len(report.ok) + bad
    if report.is_right:
        console.data(console.words.say("cli.verify.good", n=count))
    else:
        console.data(console.words.say("cli.verify.bad", n=count, bad=bad))


class _Speaker:
    """Says each finding when it comes: all of them as JSON, those worth a look as text."""

    def __init__(self, console: Console, json: bool) -> None:
        self._console = console
        self._json = json
        self._files = self._bytes = 0
        self._proofs: Counter[tuple[str, str]] = Counter()
        self._next = time.monotonic() + _LINE_SECONDS

    def hear(self, seen: Seen) -> None:
        if self._json:
            proof = {"proof": seen.proof, "note": seen.note} if seen.proof else {}
            self._console.record(event="file", path=seen.path, state=seen.finding, bytes=seen.bytes, **proof)
        elif seen.finding is not Finding.OK:
            # What is wrong is the answer to the question; what merely lies there is an aside.
            say = self._console.tell if seen.finding in _HARMLESS else self._console.data
            say(self._console.words.say(f"cli.verify.{seen.finding}", path=seen.path))
        self._files, self._bytes = self._files + 1, self._bytes + seen.bytes
        if seen.proof:
            self._proofs[seen.proof, seen.note] += 1
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_SECONDS
            read = self._console.words.size(self._bytes)
            self._console.say("cli.verify.progress", n=self._files, bytes=read)

    def say_proofs(self) -> None:
        """How the files that are as they were had been proved, where a place gave a checksum of one of them."""
        if any(proof == Proof.CHECKSUM for proof, _ in self._proofs):
            self._console.data(self._console.words.say("cli.verify.proved"))
            for line in proof_lines(self._console.words, self._proofs):
                self._console.data(f"  {line}")
