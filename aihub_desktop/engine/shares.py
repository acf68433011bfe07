"""A limit divided over streams and gathers: who needs less leaves the rest to the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Final

# Of a limit that hardly feeds the streams: the rest is for what else runs, which would never move otherwise.
_STREAMS_PART: Final = 0.9


def allowed_streams(limit: int, slowest: int) -> int | None:
    """How many streams a limit feeds so that none falls below `slowest` bytes a second; None for any number."""
    return max(1, limit // slowest) if limit and slowest else None


def shared(limit: int, needs: Mapping[int, float], streams: Set[int], slowest: int) -> dict[int, int]:
    """As `divided`, but the `streams` among `needs` keep `slowest` bytes a second each if it can be.

    The hub cuts slower readers; other places do not mind, and what came from them is not lost.
    """
    together = divided(limit, needs)
    floor = min(slowest, _STREAMS_PART * limit / max(1, len(streams)))
    sure = {key: min(floor, needs[key]) for key in streams}
    others = {key: need for key, need in needs.items() if key not in streams}
    if not others or all(together[key] >= int(least) for key, least in sure.items()):
        return together
    kept = divided(int(sum(sure.values())), {key: needs[key] for key in streams})
    return kept | divided(limit - sum(kept.values()), others)


def divided(limit: int, needs: Mapping[int, float]) -> dict[int, int]:
    """Bytes a second by lease, at least 1 each, together no more than `limit`, and all of it.

    `needs` may be infinite. What is left when every need is met is room for whoever speeds up.
    """
    shares: dict[int, float] = {}
    left = float(limit)
    for count, key in zip(range(len(needs), 0, -1), sorted(needs, key=lambda one: needs[one]), strict=True):
        shares[key] = min(left / count, needs[key])
        left -= shares[key]
    return {key: max(1, int(share + left / len(needs))) for key, share in shares.items()}
