"""Runs the tests file by file, each in a Windows of its own, so that one that hangs or takes its process down costs
itself alone: it is named, and the rest of its file is run without it."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# The longest that a file may take, in seconds, and a test in it: wine is three to ten times slower than its host.
FILE_SECONDS: Final = 1800
TEST_SECONDS: Final = 240
WORDS: Final = ["-m", "pytest", "-vv", "-rs", "--tb=short", "-p", "no:cacheprovider", f"--timeout={TEST_SECONDS}"]
# A file is given up after so many tests that took it down.
TRIES: Final = 6
_ENDED: Final = re.compile(r"^(?:\[gw\d+\] )?(\S+::.*?) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)\b")
_BEGUN: Final = re.compile(r"^(tests\S+::.*?) ?$")

# Runs Python with these words, for so many seconds; gives its exit code (None: it was ended) and its output.
Runner = Callable[[Sequence[str], float], tuple[int | None, str]]


@dataclass
class Outcome:
    """What became of a file's tests."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {word.lower()}" for word, count in sorted(self.counts.items()))
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
        for outcome in pool.map(lambda name: _file(name, runner, logs), names):
            print(outcome, *(f"\n    {line}" for line in outcome.wrong), sep="", flush=True)
            outcomes.append(outcome)
    return outcomes


def _file(name: str, runner: Runner, logs: Path) -> Outcome:
    outcome, left_out, log = Outcome(name), list[str](), ""
    began = time.monotonic()
    for _ in range(TRIES):
        code, printed = runner([*WORDS, name, *(f"--deselect={test}" for test in left_out)], FILE_SECONDS)
        log += printed + f"\nended with {code}\n"
        ended, running = _read(printed)
        if running is None:
            break
        left_out.append(running)
        outcome.wrong.append(f"{running} took the whole file down")
    outcome.counts.update(ended.values())
    outcome.wrong += [f"{test} {word.lower()}" for test, word in ended.items() if word in ("FAILED", "ERROR", "XPASS")]
    if running is not None or (not outcome.wrong and code not in (0, 5)):
        outcome.wrong.append(f"the file ended with {code}")
    outcome.seconds = time.monotonic() - began
    (logs / f"{name.replace('/', '-')}.txt").write_text(log, encoding="utf-8")
    return outcome


def _read(printed: str) -> tuple[dict[str, str], str | None]:
    """The tests that ended, and the one that ran when all ended (None: pytest came to its own end)."""
    ended: dict[str, str] = {}
    running = None
    for line in printed.splitlines():
        if done := _ENDED.match(line):
            ended[done[1]] = done[2]
            running = None
        elif begun := _BEGUN.match(line):
            running = begun[1]
        elif re.match(r"^=+ .* in [\d.]+s", line):
            return ended, None
    return ended, running


def told(outcomes: Sequence[Outcome]) -> bool:
    """Prints the sum; whether all was well."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(outcome.counts)
    wrong = [line for outcome in outcomes for line in outcome.wrong]
    print(f"{len(outcomes)} files:", ", ".join(f"{count} {word.lower()}" for word, count in sorted(total.items())))
    for line in wrong:
        print("  ", line)
    return bool(outcomes) and not wrong


def ended_in_time(command: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """A `Runner`'s work: runs a command whose processes end with it."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            printed, _ = process.communicate(timeout=seconds)
            return process.returncode, printed
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
            print(f"ended after {seconds:.0f} s", file=sys.stderr)
            return None, printed
