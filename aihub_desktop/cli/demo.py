"""`aihub demo`: the whole program on an embedded hub, with neither internet nor key."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.get import receive
from aihub_desktop.cli.request import Request
from aihub_desktop.cli.session import Session
from aihub_desktop.cli.verify import proofread, say_verdict
from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import MAIN, standard
from aihub_desktop.domain.messages import Configure
from aihub_desktop.system import program

# The demo hub has no load to be spared, and a person who tries the program should not wait for politeness.
_QUICK: Final[dict[str, int | float | str]] = {"spread": 0.1}
_TERMINATE_SECONDS: Final = 10.0


def demo(session: Session, args: argparse.Namespace) -> Exit:
    """Serves the demo hub and puts the window, or a download, upon it."""
    with DemoHub(standard()) as hub:
        if args.rate:
            hub.faults.add(Slow(rate=args.rate))
        if args.serve:
            return _serve(session, hub)
        with _own_state(session, hub) as own, _demo_key():
            if not args.cli and _has_display() and importlib.util.find_spec("PySide6") is not None:
                if _window(own):
                    return Exit.DONE
                session.console.say("cli.demo.no-window")
            return _download(own, args.to)


def _serve(session: Session, hub: DemoHub) -> Exit:
    session.console.say("cli.demo.serving", url=hub.url)
    session.console.say("cli.demo.exports")
    session.console.data(f"AIHUB_API_URL={hub.url}")
    session.console.data(f"AIHUB_APIKEY={DEMO_KEY}")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1.0)
    return Exit.DONE


@contextlib.contextmanager
def _own_state(session: Session, hub: DemoHub) -> Iterator[Session]:
    """A state folder of the demo's own, so that a real queue never meets its datasets; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="aihub-demo-state-", ignore_cleanup_errors=True) as state:
        own = Session(session.console, hub.url, Path(state))
        with own.engine() as engine:
            engine.ask(Configure(engine.number(), _QUICK), object)
        yield own


@contextlib.contextmanager
def _demo_key() -> Iterator[None]:
    before = os.environ.get("AIHUB_APIKEY")
    os.environ["AIHUB_APIKEY"] = DEMO_KEY
    try:
        yield
    finally:
        if before is None:
            del os.environ["AIHUB_APIKEY"]
        else:
            os.environ["AIHUB_APIKEY"] = before


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _window(own: Session) -> bool:
    """Shows the window until it is closed. False where it could not be shown."""
    own.console.say("cli.demo.window")
    words = program.window("--api-url", own.hub, "--home", str(own.home), "--lang", own.console.words.language)
    window = subprocess.Popen(words)
    try:
        return window.wait() == 0
    finally:
        if window.poll() is None:
            window.terminate()
            try:
                window.wait(_TERMINATE_SECONDS)
            except subprocess.TimeoutExpired:
                window.kill()
                window.wait()


def _download(own: Session, to: str | None) -> Exit:
    folder = Path(os.path.abspath(to)) if to else Path(tempfile.mkdtemp(prefix="aihub-demo-"))
    ended = receive(own, Request(key=MAIN, folder=folder))
    if ended is Exit.INTERRUPTED:
        return ended
    verdict = "cli.demo.verdict-bad"
    if ended is Exit.DONE:
        report = proofread(folder, lambda seen: None)
        say_verdict(own.console, report)
        verdict = "cli.demo.verdict-good" if report.is_right else verdict
    own.console.data(own.console.words.say(verdict, folder=str(folder)))
    return Exit.FAILED if verdict == "cli.demo.verdict-bad" and ended is Exit.DONE else ended
