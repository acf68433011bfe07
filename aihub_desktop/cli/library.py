"""`aihub library`: what was downloaded, where it lies, how it was proved, and whether there is a newer release."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.holdings import HoldingRow, HoldingState
from aihub_desktop.domain.messages import AddHolding, Library, ListHoldings, RemoveHolding
from aihub_desktop.system.words import Words

if TYPE_CHECKING:
    from aihub_desktop.engine.serve import LocalEngine

# A drive that has gone to sleep takes seconds to turn; one that hangs must not keep the list from being shown.
_LOOK_SECONDS: Final = 10.0


def library(session: Session, args: argparse.Namespace) -> Exit:
    """The list is shown beside a window that is open, too; to change it is for the one who holds the state folder."""
    if args.action not in ("add", "remove"):
        return _list(session, args)
    try:
        return (_add if args.action == "add" else _remove)(session, args)
    except ProblemError as error:
        if error.problem.code is Code.ENGINE_BUSY:
            session.console.note("cli.library.busy")
        raise


def _list(session: Session, args: argparse.Namespace) -> Exit:
    console = session.console
    rows = _rows(session)
    if args.json:
        for row in rows:
            console.record(**_record(row))
        return Exit.DONE
    if not rows:
        console.say("cli.library.none")
    for row in sorted(rows, key=lambda one: (_title(one).casefold(), one.folder)):
        _show(console, row)
    return Exit.DONE


def _rows(session: Session) -> list[HoldingRow]:
    try:
        with session.engine() as engine:
            return _as_they_are(engine)
    except ProblemError as error:
        if error.problem.code is not Code.ENGINE_BUSY:
            raise
    from aihub_desktop.engine.beside import holding_rows  # noqa: PLC0415 - as late as the engine itself

    return holding_rows(session.home, _LOOK_SECONDS)


def _as_they_are(engine: LocalEngine) -> list[HoldingRow]:
    """Every folder as it is now; as they are remembered, where a drive hangs."""
    try:
        return engine.ask(ListHoldings(engine.number(), fresh=True), Library, _LOOK_SECONDS).holdings
    except ProblemError as error:
        if error.problem.code is not Code.UNREACHABLE:
            raise
    return engine.ask(ListHoldings(engine.number()), Library).holdings


def _record(row: HoldingRow) -> dict[str, Any]:
    summary, verdict = row.summary, row.verdict
    return {
        "folder": row.folder, "state": row.state.value, "title": row.title,
        "source": summary.dataset.source if summary else "", "dataset": summary.dataset.key if summary else "",
        "files": summary.files if summary else None, "bytes": summary.bytes if summary else None,
        "received_first": summary.first_at if summary else None, "received_last": summary.last_at if summary else None,
        "proofs": summary.proofs if summary else {}, "newer": summary.newer if summary else 0,
        "verified": verdict.at if verdict else None, "verified_deep": verdict.deep if verdict else None,
        "damaged": verdict.damaged if verdict else None,
        "problem": None if row.problem is None else msgspec.to_builtins(row.problem),
    }  # fmt: skip


def _show(console: Console, row: HoldingRow) -> None:
    words, summary = console.words, row.summary
    console.data(f"{_title(row)}  [{_state(words, row)}]")
    console.data(f"    {row.folder}")
    if summary is None:
        return
    received = time.strftime("%Y-%m-%d", time.localtime(summary.last_at)) if summary.last_at else ""
    proofs = ", ".join(
        words.say("gui.library.proof.some", proof=words.say(f"gui.library.proof.{proof or 'none'}"), n=count)
        for proof, count in summary.proofs.items()
    )
    size = words.size(summary.bytes)
    console.data(f"    {words.say('cli.library.row', n=summary.files, size=size, received=received, proofs=proofs)}")


def _title(row: HoldingRow) -> str:
    return row.title or os.path.basename(row.folder.rstrip("/\\")) or row.folder


def _state(words: Words, row: HoldingRow) -> str:
    if row.state is HoldingState.DAMAGED and row.verdict is not None:
        return words.say("gui.library.state.damaged", n=row.verdict.damaged)
    return words.say(f"gui.library.state.{row.state}")


def _add(session: Session, args: argparse.Namespace) -> Exit:
    folder = Path(os.path.abspath(args.folder))
    with session.engine() as engine:
        row = engine.ask(AddHolding(engine.number(), str(folder)), HoldingRow)
    session.console.say("cli.library.added", folder=row.folder)
    return Exit.DONE


def _remove(session: Session, args: argparse.Namespace) -> Exit:
    folder = os.path.abspath(args.folder)
    with session.engine() as engine:
        rows = engine.ask(ListHoldings(engine.number()), Library).holdings
        found = next((row for row in rows if row.folder == folder), None)
        if found is None:
            raise UsageError(session.console.words.say("cli.library.unknown", path=folder))
        engine.ask(RemoveHolding(engine.number(), found.id), object)
    session.console.say("cli.library.removed", folder=folder)
    return Exit.DONE
