"""What became of a round of `aihub sync`: a short text for a mail or a log, and a record for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.rounds import Outcome
from aihub_desktop.holdings.writing import replaced
from aihub_desktop.system.words import Words

_NAMED: Final = 20  # failures that a mail names one by one


def text(words: Words, outcome: Outcome, until: float | None) -> str:
    """A line for each matter; the first says by itself how it went."""
    return "\n".join(_lines(words, outcome, until)) + "\n"


def write(path: Path, text: str) -> None:
    """Whole or not at all. Raises `ProblemError`."""
    with replaced(path) as file:
        file.write(text.encode())


def record(outcome: Outcome, until: float | None) -> dict[str, Any]:
    """The last JSON line of a round."""
    gone = outcome.deleted
    told: dict[str, Any] = {
        "event": "sync", "exit": int(outcome.exit), "name": outcome.name, "folder": outcome.folder,
        "wished": outcome.wished, "right": outcome.right, "broken": outcome.broken, "older": outcome.older,
        "done": outcome.came, "bytes": outcome.bytes, "failed": len(_failures(outcome)), "surplus": outcome.surplus,
        "deleted": gone.files if gone else 0, "unpacked": outcome.unpacked,
        "seconds": round(outcome.ended - outcome.began, 3), "next": None if until is None else round(until),
    }  # fmt: skip
    return told | ({"problem": outcome.title} if outcome.title else {})


def _lines(words: Words, outcome: Outcome, until: float | None) -> Iterator[str]:
    well = "well" if outcome.exit is Exit.DONE else "stopped" if outcome.exit is Exit.INTERRUPTED else "ill"
    yield words.say(f"cli.summary.{well}", name=outcome.name, exit=int(outcome.exit))
    spent = words.duration(outcome.ended - outcome.began)
    yield words.say("cli.summary.when", at=words.moment(outcome.began), duration=spent, folder=outcome.folder)
    if outcome.title:
        yield words.say("cli.summary.problem", title=outcome.title)
    yield from _counts(words, outcome)
    failures = _failures(outcome)
    for what, why in failures[:_NAMED]:
        yield words.say("cli.summary.failed", path=what, why=words.problem(why).title if why else "")
    if len(failures) > _NAMED:
        yield words.say("cli.summary.more", n=len(failures) - _NAMED)
    if until is not None:
        yield words.say("cli.summary.next", at=words.moment(until))


def _counts(words: Words, outcome: Outcome) -> Iterator[str]:
    if outcome.wished:
        yield words.say(
            "cli.summary.files", n=outcome.wished, right=outcome.right, broken=outcome.broken or "",
            older=outcome.older or "",
        )  # fmt: skip
    if outcome.came:
        yield words.say("cli.summary.came", n=outcome.came, size=words.size(outcome.bytes))
    if outcome.unpacked:
        yield words.say("cli.summary.unpacked", n=outcome.unpacked)
    if (gone := outcome.deleted) is not None:
        yield words.say("cli.summary.deleted", n=gone.files, size=words.size(gone.bytes), kept=gone.kept or "")
    elif outcome.surplus:
        yield words.say("cli.summary.surplus", n=outcome.surplus)


def _failures(outcome: Outcome) -> list[tuple[str, Any]]:
    """Each file or wish that did not come, with its problem."""
    found: list[tuple[str, Any]] = [(one.wanted, one.problem) for one in outcome.refused]
    if outcome.tally is not None:
        found += [(outcome.folder, problem) for problem in outcome.tally.problems]
        found += [(row.place or row.file.path, row.problem) for row in outcome.tally.lost]
    return found
