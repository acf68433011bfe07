"""`aihub key`: the key, which is never shown whole and never an argument."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from typing import Final

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session, key_state
from aihub_desktop.cli.terminal import is_terminal
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.messages import ClearKey, KeyState, SetKey, TestKey
from aihub_desktop.domain.model import Secret, looks_like_key


def key(session: Session, args: argparse.Namespace) -> Exit:
    return _ACTIONS[args.action](session, args)


def _set(session: Session, args: argparse.Namespace) -> Exit:
    # Read before the engine starts: a person may take a while, and nobody else should be kept out meanwhile.
    given = _read(session, args)
    with session.engine() as engine:
        state = engine.ask(SetKey(engine.number(), given), KeyState)
    session.console.say("cli.key.stored", masked=given.masked())
    if state.origin == "env":
        session.console.note("cli.key.env-wins", masked=state.masked)
    return Exit.DONE


def _read(session: Session, args: argparse.Namespace) -> Secret:
    words = session.console.words
    if args.stdin:
        text = sys.stdin.readline() if sys.stdin is not None else ""
    elif is_terminal(sys.stdin):
        text = getpass.getpass(words.say("cli.key.prompt"))
    else:
        raise UsageError(words.say("cli.key.no-terminal"))
    text = text.strip()
    if not looks_like_key(text):
        raise UsageError(words.say("cli.key.odd"))
    return Secret(text)


def _show(session: Session, args: argparse.Namespace) -> Exit:
    with session.engine() as engine:
        state = key_state(engine)
    session.console.data(session.console.words.say(f"cli.key.origin.{state.origin}", masked=state.masked))
    return Exit.DONE


def _test(session: Session, args: argparse.Namespace) -> Exit:
    with session.engine() as engine:
        state = engine.ask(TestKey(engine.number()), KeyState)
    if state.valid is None:
        session.console.say("cli.key.unclear")
        return Exit.NETWORK
    if not state.valid:
        raise ProblemError(Code.KEY_REJECTED)
    session.console.data(session.console.words.say("cli.key.valid", masked=state.masked))
    return Exit.DONE


def _clear(session: Session, args: argparse.Namespace) -> Exit:
    with session.engine() as engine:
        state = engine.ask(ClearKey(engine.number()), KeyState)
    session.console.say("cli.key.cleared")
    if state.origin == "env":
        session.console.note("cli.key.env-wins", masked=state.masked)
    return Exit.DONE


_ACTIONS: Final[dict[str, Callable[[Session, argparse.Namespace], Exit]]] = {
    "set": _set,
    "show": _show,
    "test": _test,
    "clear": _clear,
}
