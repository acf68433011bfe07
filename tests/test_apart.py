"""Long work that a person interrupts."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from aihub_desktop.cli.apart import apart


@pytest.mark.skipif(sys.platform == "win32", reason="this system gives no such signals")
def test_an_interruption_is_heard_at_once_and_the_work_ends_before_it_is_told() -> None:
    """A thread whose `join` is interrupted passes for ended in Python 3.11: files would be closed under it."""
    ends: list[str] = []
    # A shell starts what runs behind it deaf to Ctrl-C; the program hears it in its own way.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def act(stop: threading.Event) -> None:
        stop.wait(0.1)  # until it is waited for
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(20)
        threading.Event().wait(0.3)  # what it takes to the end of a step
        ends.append("work")

    try:
        with pytest.raises(KeyboardInterrupt):
            apart(act, stopping=lambda: ends.append("told to"))
    finally:
        signal.signal(signal.SIGINT, before)
    assert ends == ["told to", "work"]


def test_what_it_gives_and_raises() -> None:
    assert apart(lambda stop: stop.is_set()) is False
    with pytest.raises(ZeroDivisionError):
        apart(lambda stop: 1 // 0)


def test_where_nobody_listens_any_more_the_work_ends() -> None:
    def meanwhile() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        apart(lambda stop: stop.wait(20), meanwhile=meanwhile)
