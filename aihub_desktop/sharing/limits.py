"""What one reader may take of the machine that shares, and of its time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    connections: int = 256  # at once; each has a thread, and two descriptors while a file is sent
    of_one: int = 128  # of them from one address
    head: int = 16 << 10  # the largest head of a request
    head_seconds: float = 10.0  # for all of a head, from its first byte; and for the first byte of a connection
    idle_seconds: float = 60.0  # between two requests
    window: float = 30.0  # in which a reader takes at least `least` bytes, else its place is another's
    least: int = 256 << 10
