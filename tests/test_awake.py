"""The machine is kept awake while something is under way: over a real bus, by a real child, and not longer."""

from __future__ import annotations

import queue
import sys
import threading
from pathlib import Path

import pytest
from commandline import Aihub
from session_bus import NEEDS_BUS, session_bus

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.settings import Awake, Settings, SettingsError, changed
from aihub_desktop.engine import awake
from aihub_desktop.engine.errands import Back, Errands

GNOME, POWER = "org.gnome.SessionManager", "org.freedesktop.PowerManagement.Inhibit"


class Loop:
    """The engine's loop as far as errands need one."""

    def __init__(self) -> None:
        self._backs: queue.SimpleQueue[Back] = queue.SimpleQueue()
        self.errands = Errands("test", self._backs.put)

    def turn(self) -> None:
        back = self._backs.get(timeout=20)
        back.then(back.value, back.problem)


@pytest.fixture
def loop() -> Loop:
    return Loop()


@NEEDS_BUS
@pytest.mark.parametrize("name", [GNOME, POWER])
def test_a_session_is_asked_and_released(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with session_bus(monkeypatch, name) as desktop:
        release = awake.hold_off()
        member, body = desktop.next("Inhibit")
        assert (member, body[0]) in (("Inhibit", "aihub-desktop"), ("Inhibit", "AI Hub Desktop"))
        if name == GNOME:
            assert body[3] == 4  # sleep, and nothing of the screen
        assert release is not None
        release()
        desktop.next("gone")


@NEEDS_BUS
def test_where_nobody_can_be_asked_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    with session_bus(monkeypatch):
        monkeypatch.setenv("PATH", "/nonexistent")
        assert awake.hold_off() is None
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    assert awake.hold_off() is None


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: the others ask by other means")
def test_a_child_holds_it_and_ends_with_its_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, loop: Loop) -> None:
    """Where there is no session: systemd-inhibit, played by a script that notes its words and lives as long as cat."""
    inhibit = tmp_path / "systemd-inhibit"
    inhibit.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\nexec cat\n', encoding="utf-8")
    inhibit.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    release = awake.hold_off()
    assert release is not None
    words = (tmp_path / "words").read_text(encoding="utf-8").splitlines()
    assert "--what=idle" in words
    assert words[-1] == "cat"
    release()


def test_it_is_taken_once_and_let_go(monkeypatch: pytest.MonkeyPatch, loop: Loop) -> None:
    monkeypatch.setattr(awake, "_LINGER", 0.0)
    taken: list[str] = []

    def take() -> awake.Release:
        taken.append("taken")
        return lambda: taken.append("released")

    held = awake.Wakefulness(loop.errands, take, lambda: True)
    held.enforce(False, Awake.ALWAYS)
    assert taken == []
    monkeypatch.setattr(awake, "_LINGER", 60.0)
    held.enforce(True, Awake.ALWAYS)
    held.enforce(True, Awake.ALWAYS)  # while the first is still being asked
    loop.turn()
    held.enforce(False, Awake.ALWAYS)  # between two files
    assert taken == ["taken"]
    held.enforce(True, Awake.NEVER)
    loop.turn()
    assert taken == ["taken", "released"]
    held.enforce(True, Awake.ALWAYS)
    loop.turn()
    held.close()
    held.close()
    assert taken == ["taken", "released", "taken", "released"]


def test_what_is_taken_at_the_very_end_is_let_go(loop: Loop) -> None:
    """The loop is over, so it never hears that it was taken."""
    taken: list[str] = []
    begun = threading.Event()

    def take() -> awake.Release:
        begun.set()  # what has not begun when the errands close never does
        taken.append("taken")
        return lambda: taken.append("released")

    held = awake.Wakefulness(loop.errands, take, lambda: True)
    held.enforce(True, Awake.ALWAYS)
    assert begun.wait(20)
    loop.errands.close(60.0)
    held.close()
    assert taken == ["taken", "released"]


def test_on_battery_it_may_sleep_where_that_was_chosen(monkeypatch: pytest.MonkeyPatch, loop: Loop) -> None:
    taken: list[bool] = []
    supply = [False]

    def take() -> awake.Release:
        taken.append(True)
        return taken.clear

    held = awake.Wakefulness(loop.errands, take, lambda: supply[0])
    monkeypatch.setattr(awake, "_MAINS_SECONDS", 0.0)
    for mains in (False, True, False):
        supply[0] = mains
        before = list(taken)
        held.enforce(True, Awake.MAINS)  # asks
        loop.turn()
        monkeypatch.setattr(awake, "_MAINS_SECONDS", 60.0)
        held.enforce(True, Awake.MAINS)  # has its answer
        if before != [True] * mains:
            loop.turn()
        monkeypatch.setattr(awake, "_MAINS_SECONDS", 0.0)
        assert taken == [True] * mains


@pytest.mark.parametrize(
    ("supplies", "mains"),
    [
        ({}, True),
        ({"AC": {"type": "Mains", "online": "1"}, "BAT0": {"type": "Battery"}}, True),
        ({"AC": {"type": "Mains", "online": "0"}, "BAT0": {"type": "Battery"}}, False),
        ({"AC": {"type": "Mains", "online": "0"}, "ucsi": {"type": "USB", "online": "1"}}, True),
        ({"hidpp_battery_0": {"type": "Battery", "scope": "Device"}}, True),
    ],
    ids=["desktop", "plugged", "battery", "usb-c", "mouse"],
)
def test_what_linux_tells_of_its_supply(tmp_path: Path, supplies: dict[str, dict[str, str]], mains: bool) -> None:
    for name, facts in supplies.items():
        (tmp_path / name).mkdir()
        for fact, value in facts.items():
            (tmp_path / name / fact).write_text(f"{value}\n", encoding="ascii")
    assert awake._linux_mains(tmp_path) is mains


def test_the_setting_takes_its_three_words() -> None:
    for choice in Awake:
        assert changed(Settings(), {"awake": choice.value}).awake is choice
    with pytest.raises(SettingsError):
        changed(Settings(), {"awake": "sometimes"})


@NEEDS_BUS
def test_a_download_at_the_command_line_keeps_awake_and_lets_go(
    monkeypatch: pytest.MonkeyPatch, hub: DemoHub, tmp_path: Path
) -> None:
    with session_bus(monkeypatch, GNOME) as desktop:
        aihub = Aihub(tmp_path / "home", hub.url)
        done = aihub("get", "90008", "--to", tmp_path / "to", DBUS_SESSION_BUS_ADDRESS=desktop.address)
        assert done.code == 0, done.err
        desktop.next("Inhibit")
        desktop.next("gone")
