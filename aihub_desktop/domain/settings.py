"""What a user may change, with the defaults and the reasons for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from aihub_desktop.domain.hours import Week

DEFAULT_HUB: Final = "https://api.aihub.or.kr"


class Awake(StrEnum):
    """When the machine is kept from falling asleep while something is under way."""

    ALWAYS = "always"
    MAINS = "mains"
    NEVER = "never"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Kept in the queue's database; times in seconds, sizes in bytes."""

    parallel: int = 4  # the most streams at once; two give more than one, and the hub publishes no limit
    spread: float = 2.0  # between two starts: the hub refuses starts at the same moment
    backoff_first: float = 1.0
    backoff_longest: float = 300.0
    connect_timeout: float = 20.0
    stall_seconds: float = 60.0  # a stream slower than stall_rate for this long is given up
    stall_rate: int = 50_000  # the hub's stalls run under 50 KB/s and never recover
    mark_bytes: int = 64 << 20  # durable at least this often: what a power cut can cost
    mark_seconds: float = 10.0
    bundle_files: int = 50  # file keys in one request
    bundle_bytes: int = 256 << 20
    folder: str = ""  # where the last download went
    limit: int = 0  # bytes a second, of everything together; 0 for none
    slowest_stream: int = 600_000  # bytes a second: the hub cuts readers under about 0.5 MB/s
    hours: str = ""  # when to run, as `hours.Week` reads it; "" for always
    # Left free of each volume, but never more than a twentieth of it: a small one would else hold nothing. What
    # takes less than a twentieth of the room that is left begins all the same.
    floor_bytes: int = 2 << 30
    buffer_bytes: int = 256 << 20  # received and not written yet, of all streams together
    connections: int = 8  # the most to one place that serves ranges
    piece_bytes: int = 32 << 20  # of a file that comes in ranges: what a connection loses at most when the power goes
    awake: Awake = Awake.ALWAYS  # who leaves 10 TB to it wants to find them
    user_agent: str = ""  # "" for the program's own name
    updates: Switch = Switch.OFF  # whether the window asks for a newer version: nobody is asked before a yes


class SettingsError(ValueError):
    """A setting out of its range. `name` is the setting."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


_RANGES: Final[dict[str, tuple[float, float]]] = {
    "parallel": (1, 32),
    "connections": (1, 64),
    "piece_bytes": (64 << 10, 1 << 30),
    "spread": (0, 60),
    "backoff_first": (0, 60),
    "backoff_longest": (0, 3600),
    "connect_timeout": (0.1, 600),
    "stall_seconds": (0.1, 3600),
    "stall_rate": (0, 1 << 40),
    "mark_bytes": (1, 1 << 40),
    "mark_seconds": (0, 3600),
    "bundle_files": (1, 50),
    "bundle_bytes": (0, 1 << 40),
    "limit": (0, 1 << 40),
    "slowest_stream": (0, 1 << 40),
    "floor_bytes": (0, 1 << 50),
    "buffer_bytes": (4 << 20, 1 << 40),
}


def _is_week(text: str) -> bool:
    try:
        Week.parse(text)
    except ValueError:
        return False
    return True


_TEXTS: Final[dict[str, Callable[[str], bool]]] = {
    "hours": _is_week,
    # What a header may hold; anything else could smuggle in a header of its own.
    "user_agent": lambda text: re.fullmatch(r"[\x20-\x7e]{0,200}", text) is not None,
}


def changed(settings: Settings, changes: dict[str, int | float | str]) -> Settings:
    """`settings` with `changes`. Raises `SettingsError` for an unknown name, a wrong type or a value out of range."""
    for name, value in changes.items():
        if name not in Settings.__struct_fields__:
            raise SettingsError(name)
        if name in _RANGES and not (isinstance(value, int | float) and _RANGES[name][0] <= value <= _RANGES[name][1]):
            raise SettingsError(name)
        if name in _TEXTS and not (isinstance(value, str) and _TEXTS[name](value)):
            raise SettingsError(name)
        try:
            settings = msgspec.convert({**msgspec.structs.asdict(settings), name: value}, Settings)
        except msgspec.ValidationError as error:
            raise SettingsError(name) from error
    return settings
