"""A limit divided over streams: who needs less leaves the rest to the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def allowed_streams(limit: int, slowest: int) -> int | None:
    """How many streams a limit feeds so that none falls below `slowest` bytes a second; None for any number."""
    return max(1, limit // slowest) if limit and slowest else None


def divided(limit: int, needs: Mapping[int, float]) -> dict[int, int]:
    """Bytes a second by stream, at least 1 each, together no more than `limit`, and all of it.

    `needs` may be infinite. What is left when every need is met is room for whoever speeds up.
    """
    shares: dict[int, float] = {}
    left = float(limit)
    for count, key in zip(range(len(needs), 0, -1), sorted(needs, key=lambda one: needs[one]), strict=True):
        shares[key] = min(left / count, needs[key])
        left -= shares[key]
    return {key: max(1, int(share + left / len(needs))) for key, share in shares.items()}
