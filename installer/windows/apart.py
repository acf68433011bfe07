"""Runs the tests file by file, each in a Windows of its own, so that one that hangs or takes its process down costs
itself alone: it is named, and the rest of its file is run without it."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# The longest that a file may take, in seconds, and a test in it: wine is three to ten times slower than its host.
FILE_SECONDS: Final = 1800
TEST_SECONDS: Final = 240
WORDS: Final = ["-m", "pytest", "-vv", "-rsfEX", "--tb=short", "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}"]
# A file is given up after so many tests that took it down.
TRIES: Final = 6
# "tests/x.py::test_y[z] PASSED", or the result in another line where something was said between.
_BEGUN: Final = re.compile(r"^(tests\S*\.py::[^\s\[]+(?:\[.*?\])?)(?= |$)")
_RESULT: Final = re.compile(r"(?:^| )(?:PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) .*\[ *\d+%\]$")
_WRONG: Final = re.compile(r"^(FAILED|ERROR|XPASS\S*) (tests\S*\.py\S*?::.*?|tests\S*\.py)(?: - .*)?$")
_SUM: Final = re.compile(r"^=+ (.*) in [\d.]+s")

# Runs Python with these words, for so many seconds, its output into that file; its exit code (None: it was ended).
Runner = Callable[[Sequence[str], float, Path], int | None]


@dataclass
class Outcome:
    """What became of a file's tests."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {word}" for word, count in sorted(self.counts.items()))
        return f"{self.name}: {counts or 'nothing ran'} in {self.seconds:.0f} s"


def files(project: Path, wanted: Sequence[str]) -> list[str]:
    """The files of tests whose path holds one of these words; all of them without a word."""
    found = sorted(path.relative_to(project).as_posix() for path in (project / "tests").rglob("test_*.py"))
    return [name for name in found if not wanted or any(word in name for word in wanted)]


def tried(names: Sequence[str], runner: Runner, logs: Path, *, at_once: int) -> list[Outcome]:
    """Runs these files, tells of each as it ends, and keeps what each printed in `logs`."""
    logs.mkdir(parents=True, exist_ok=True)
    outcomes = []
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(_file, name, runner, logs) for name in names]):
            outcomes.append(outcome := future.result())
            print(outcome, *(f"\n    {line}" for line in outcome.wrong), sep="", flush=True)
    return sorted(outcomes, key=lambda one: one.name)


def _file(name: str, runner: Runner, logs: Path) -> Outcome:
    outcome, left_out = Outcome(name), list[str]()
    began = time.monotonic()
    for number in range(TRIES):
        log = logs / f"{name.replace('/', '-')}{f'.{number}' if number else ''}.txt"
        code = runner([*WORDS, name, *(f"--deselect={test}" for test in left_out)], FILE_SECONDS, log)
        counts, wrong, running = read(log.read_text(encoding="utf-8", errors="replace"))
        if running is None:
            break
        left_out.append(running)
        outcome.wrong.append(f"{running} took the whole file down")
    outcome.counts.update(counts)
    outcome.wrong += wrong
    if not outcome.wrong and (code not in (0, 5) or not counts):
        outcome.wrong.append(f"{name} ended with {code}")
    outcome.seconds = time.monotonic() - began
    return outcome


def read(printed: str) -> tuple[dict[str, int], list[str], str | None]:
    """Of pytest's output: how many passed, failed …, which failed, and the test that ran when all ended (None: pytest
    came to its own end).
    """
    running = None
    for line in printed.splitlines():
        if begun := _BEGUN.match(line):
            running = begun[1]
        if _RESULT.search(line):
            running = None
    wrong = [f"{found[2]} {found[1].lower()}" for found in map(_WRONG.match, printed.splitlines()) if found]
    sums = [found[1] for found in map(_SUM.match, printed.splitlines()) if found]
    if not sums:
        return {}, [], running
    return {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", sums[-1])}, wrong, None


def told(outcomes: Sequence[Outcome]) -> bool:
    """Prints the sum; whether all was well."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(outcome.counts)
    wrong = [line for outcome in outcomes for line in outcome.wrong]
    print(f"{len(outcomes)} files:", ", ".join(f"{count} {word}" for word, count in sorted(total.items())))
    for line in wrong:
        print("  ", line)
    return bool(outcomes) and not wrong


def ended_in_time(command: Sequence[str], seconds: float, log: Path) -> int | None:
    """A `Runner`'s work: runs a command whose processes end with it."""
    with (
        log.open("wb") as into,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=into, stderr=into) as process,
    ):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None
