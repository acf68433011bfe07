"""`aihub settings`: what a user may change."""

from __future__ import annotations

import argparse
from typing import Final

import msgspec

from aihub_desktop.cli.arguments import UsageError, hours
from aihub_desktop.cli.exits import Exit
from aihub_desktop.cli.session import Session, snapshot
from aihub_desktop.domain.messages import Configure
from aihub_desktop.domain.settings import Settings, SettingsError, changed
from aihub_desktop.system.amounts import amount, shortest

_AMOUNTS: Final = frozenset(
    {"limit", "slowest_stream", "stall_rate", "floor_bytes", "buffer_bytes", "mark_bytes", "bundle_bytes"}
)


def settings(session: Session, args: argparse.Namespace) -> Exit:
    changes = dict(_change(session, text) for text in args.changes) if args.action == "set" else {}
    with session.engine() as engine:
        if changes:
            engine.ask(Configure(engine.number(), changes), object)
        else:
            for name, value in msgspec.structs.asdict(snapshot(engine).settings).items():
                session.console.data(f"{name}={shortest(value) if name in _AMOUNTS else value}")
    return Exit.DONE


def _change(session: Session, text: str) -> tuple[str, int | float | str]:
    """("parallel", 8) for "parallel=8". Raises `UsageError` for what the settings do not allow."""
    name, _, given = text.partition("=")
    try:
        value = _value(name, given)
        changed(Settings(), {name: value})
    except (SettingsError, ValueError):
        kind = "amount" if name in _AMOUNTS else "week" if name == "hours" else "other"
        raise UsageError(session.console.words.say(f"cli.settings.bad.{kind}", text=text)) from None
    return name, value


def _value(name: str, given: str) -> int | float | str:
    default = getattr(Settings(), name, None)
    if default is None or name.startswith("_"):
        raise SettingsError(name)
    if name == "hours":
        return hours(given)
    if name in _AMOUNTS:
        return amount(given)
    return given if isinstance(default, str) else float(given) if isinstance(default, float) else int(given)
