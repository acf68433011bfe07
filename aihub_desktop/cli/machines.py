"""`aihub lab`: tokens of machines that share their libraries, kept in the keychain. Asked, and never shown."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from typing import Final

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.lab import given_token, plain_address
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.terminal import is_terminal
from aihub_desktop.domain.messages import Labs, ListLabs, PutLab, RemoveLab
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.sharing import lab_token
from aihub_desktop.system.words import Words


def lab(session: Session, args: argparse.Namespace) -> Exit:
    return _ACTIONS[args.action](session, args)


def _add(session: Session, args: argparse.Namespace) -> Exit:
    words = session.console.words
    address = plain_address(words, args.address)
    # Read before the engine starts: a person may take a while, and nobody else should be kept out meanwhile.
    token = _token(words, args)
    with session.engine() as engine:
        engine.ask(PutLab(engine.number(), address, token), Labs)
    session.console.say("cli.lab.added", address=address)
    return Exit.DONE


def _token(words: Words, args: argparse.Namespace) -> Secret:
    if not args.stdin and (given := given_token(words, args.token_file)) is not None:
        return given
    if args.stdin:
        text = sys.stdin.readline() if sys.stdin is not None else ""
    elif is_terminal(sys.stdin):
        text = getpass.getpass(words.say("cli.lab.prompt"))
    else:
        raise UsageError(words.say("cli.lab.no-terminal"))
    try:
        return lab_token(text)
    except ValueError:
        raise UsageError(words.say("cli.lab.odd-token", where=words.say("cli.lab.what-came"))) from None


def _list(session: Session, args: argparse.Namespace) -> Exit:
    with session.engine() as engine:
        addresses = engine.ask(ListLabs(engine.number()), Labs).addresses
    for address in addresses:
        session.console.data(address)
    if not addresses:
        session.console.say("cli.lab.none")
    return Exit.DONE


def _remove(session: Session, args: argparse.Namespace) -> Exit:
    address = plain_address(session.console.words, args.address)
    with session.engine() as engine:
        engine.ask(RemoveLab(engine.number(), address), Labs)
    session.console.say("cli.lab.removed", address=address)
    return Exit.DONE


_ACTIONS: Final[dict[str, Callable[[Session, argparse.Namespace], Exit]]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
}
