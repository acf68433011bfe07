"""`aihub serve`: a library offered to the other machines of a lab, read-only."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.cli.console import Console
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.lab import TOKEN_VARIABLE, token_of_file, token_of_variable
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.model import Secret
from aihub_desktop.sharing.offer import Offer
from aihub_desktop.sharing.server import LabServer, Standing
from aihub_desktop.sharing.token import fresh_token, keep_token
from aihub_desktop.sharing.visit import Served
from aihub_desktop.system.folders import is_loopback
from aihub_desktop.system.logs import redacted
from aihub_desktop.system.words import Words

_TOKEN_FILE: Final = "lab-token"
_STATUS_SECONDS: Final = 1.0
_LARGEST_LOG: Final = 8 << 20
_OLDER_LOGS: Final = 4
_ALL: Final = frozenset({"", "0.0.0.0", "::"})


def serve(session: Session, args: argparse.Namespace) -> Exit:
    """Until Ctrl-C. Raises `UsageError` for an address that cannot be had, `ProblemError` NO_LEDGER and the disk's."""
    console = session.console
    with Offer(os.path.abspath(os.path.expanduser(args.folder))) as offer, _log(console.words, args.log) as heard:
        token = _token(session, args)
        with _server(console.words, offer, token, args, heard) as server:
            _introduce(console, offer, server, args)
            with contextlib.suppress(KeyboardInterrupt):
                _watch(console, server)
        standing = server.standing
    console.say(
        "cli.serve.ended", n=standing.answers, refused=standing.refused or "", bytes=console.words.size(standing.bytes)
    )
    return Exit.DONE


def _server(
    words: Words, offer: Offer, token: Secret, args: argparse.Namespace, heard: Callable[[Served], None] | None
) -> LabServer:
    try:
        return LabServer(offer, token, args.bind, args.port, heard)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(words.say("cli.serve.no-address", address=args.bind, port=args.port, why=why)) from None


# ---- the token ----


def _token(session: Session, args: argparse.Namespace) -> Secret:
    """That of the variable or the file, which is made where it is not there yet."""
    console = session.console
    if args.token_file is None and not args.new_token and (given := token_of_variable(console.words)) is not None:
        console.say("cli.serve.token-of-variable", variable=TOKEN_VARIABLE)
        return given
    path = Path(args.token_file).expanduser() if args.token_file else session.home / _TOKEN_FILE
    known = None if args.new_token else token_of_file(console.words, path)
    if known is not None:
        console.say("cli.serve.token-known", path=str(path))
        return known
    token = fresh_token()
    keep_token(path, token)
    console.say("cli.serve.token-new", path=str(path))
    console.tell(f"  {token.reveal()}")
    return token


# ---- what is said ----


def _introduce(console: Console, offer: Offer, server: LabServer, args: argparse.Namespace) -> None:
    words, count, size = console.words, 0, 0
    for file in offer.files():
        count, size = count + 1, size + file.size
    address = _address(args.bind, server.port)
    console.say("cli.serve.offers", n=count, size=words.size(size), folder=args.folder, address=address)
    if left := len(offer) - count:
        console.note("cli.serve.left-out", n=left, folder=args.folder)
    console.note("cli.serve.terms")
    if not is_loopback(args.bind):
        console.note("cli.serve.open")
    console.say("cli.serve.how", variable=TOKEN_VARIABLE, address=address)
    console.say("cli.serve.stop")


def _address(bind: str, port: int) -> str:
    host = socket.gethostname() if bind in _ALL else bind
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _watch(console: Console, server: LabServer) -> None:
    """A line of how it stands, for a person who looks; it waits in short steps, for on Windows Ctrl-C needs that."""
    never = threading.Event()
    before, text = server.standing, ""
    while True:
        never.wait(_STATUS_SECONDS)
        now = server.standing
        if console.watched and (shown := _status(console.words, before, now)) != text:
            sys.stderr.write(f"\r\x1b[K{shown}")
            sys.stderr.flush()
            text = shown
        before = now


def _status(words: Words, before: Standing, now: Standing) -> str:
    rate = (now.bytes - before.bytes) / _STATUS_SECONDS
    return words.say(
        "cli.serve.status", n=now.connections, rate=words.speed(rate), answers=now.answers, refused=now.refused,
        bytes=words.size(now.bytes),
    )  # fmt: skip


# ---- the log ----


@contextlib.contextmanager
def _log(words: Words, name: str | None) -> Iterator[Callable[[Served], None] | None]:
    """Hears of each request, where a log is wished for. Raises `UsageError` where it cannot be written."""
    if name is None:
        yield None
        return
    try:
        handler: logging.Handler = (
            logging.StreamHandler(sys.stderr)
            if name == "-"
            else RotatingFileHandler(
                Path(name).expanduser(), maxBytes=_LARGEST_LOG, backupCount=_OLDER_LOGS, encoding="utf-8"
            )
        )
    except OSError as error:
        raise UsageError(words.say("cli.serve.no-log", path=name, why=error.strerror or "")) from None
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("aihub_desktop.requests")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield lambda served: log.info("%s", _line(served))
    finally:
        log.removeHandler(handler)
        handler.close()


def _line(served: Served) -> str:
    # What somebody sends may be anything: signs that end a line or turn it about are spelt out.
    signs = (sign if sign.isprintable() else ascii(sign)[1:-1] for sign in unquote(served.target))
    target = redacted("".join(signs))
    end = "" if served.whole else " cut"
    return f"{served.peer} {served.method} {target} {served.status} {served.bytes} {served.seconds:.3f}s{end}"
