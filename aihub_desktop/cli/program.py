"""One run of the command line, from its words to its exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final, Protocol, cast

from aihub_desktop.cli import unbegun
from aihub_desktop.cli.arguments import UsageError, check_text, parse, wanted_language
from aihub_desktop.cli.console import Console, hush
from aihub_desktop.cli.exits import Exit, exit_of
from aihub_desktop.cli.session import Session
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.system import folders, logs
from aihub_desktop.system.words import Words

# Where each command lives; imported when it is the one to run, so that `aihub --help` is there at once.
_MODULES: Final = {
    "datasets": "listing",
    "files": "listing",
    "get": "get",
    "fetch": "fetch",
    "push": "push",
    "verify": "verify",
    "repair": "repair",
    "library": "library",
    "unpack": "unpack",
    "look": "look",
    "adopt": "adopt",
    "batch": "batch",
    "sync": "sync",
    "serve": "serve",
    "lab": "machines",
    "key": "key",
    "storage": "storage",
    "settings": "settings",
    "doctor": "doctor",
    "diagnostics": "diagnostics",
    "demo": "demo",
    "version": "version",
}


class _Command(Protocol):
    def __call__(self, session: Session, args: argparse.Namespace) -> Exit: ...


def run(argv: Sequence[str]) -> int:
    """Runs `aihub ARGV…` to its end."""
    console = Console(Words(wanted_language(argv)))
    try:
        _listen_for_signals()
        return _run(argv, console)
    except KeyboardInterrupt:
        console.say("cli.interrupted")
        unbegun.say_end(argv)  # so early that no run was there to say its own last line
        return Exit.INTERRUPTED
    finally:
        hush()


def _run(argv: Sequence[str], console: Console) -> int:
    try:
        check_text(argv, console.words)
        args = parse(argv, console.words)
        return _command(args.command)(_session(args, console), args)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else Exit.USAGE
    except _BadAddressError as error:
        console.problem(error.problem)
        return Exit.USAGE
    except UsageError as error:
        console.say("cli.error", title=error.text)
        return Exit.USAGE
    except ProblemError as error:
        console.problem(error.problem)
        return exit_of(error.problem.code)
    except Exception as error:
        # Ours to mend: told with its trace, which is worth more than a kind sentence alone.
        console.tell(logs.redacted(traceback.format_exc()))
        console.problem(Problem(Code.BUG, {"why": type(error).__name__}))
        return Exit.FAILED


class _BadAddressError(ProblemError):
    """The hub's address cannot be used: a matter of usage, where the same problem of a redirect is none."""


def _session(args: argparse.Namespace, console: Console) -> Session:
    try:
        hub = folders.hub(args.api_url)
    except ProblemError as error:
        raise _BadAddressError.of(error.problem) from None
    return Session(console, hub, folders.home(hub, args.home))


def _command(name: str) -> _Command:
    module: Any = importlib.import_module(f"aihub_desktop.cli.{_MODULES[name]}")
    return cast("_Command", getattr(module, name))


def _listen_for_signals() -> None:
    """Ctrl-C, or a polite kill: the first unwinds the run, which makes durable what came; the second ends it now."""
    heard = 0

    def hear(number: int, frame: object) -> None:
        nonlocal heard
        heard += 1
        if heard > 1:
            os._exit(Exit.INTERRUPTED)
        raise KeyboardInterrupt

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if (number := getattr(signal, name, None)) is not None:
            signal.signal(number, hear)
    # A terminal that is closed is a polite kill too; a shell's `nohup` says otherwise and is heeded.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hear)
