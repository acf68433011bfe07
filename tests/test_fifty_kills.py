"""Fifty times `kill -9` during one download in ranges, and what comes again is a piece for each connection and kill.

The server counts what it sends by offset. The moments are random: when so many bytes have come for the first time, or
from the first instruction on. After each kill the journal claims only what lies on the disk, and no final name stands.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from bench.again import Kills, Sizes, told
from bench.contents import bare
from bench.ground import Hub, prove_all
from bench.ranged import Shelf
from commandline import Aihub
from engines import final_files, manifest
from ground import check_claims, journals, parts
from tables import line

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the processes of a group are found in /proc")

SEED: Final = int(os.environ.get("CRASH_SEED") or random.SystemRandom().getrandbits(32))
SIZES: Final = Sizes(size=24 << 20, kills=50, connections=4, piece=128 << 10, pace=4_000_000, kept_back=4 << 20)
NO_HUB: Final = "http://127.0.0.1:9"
_TABLE: Final = f"{SIZES.kills} × kill -9 during one download in ranges"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Hub]:
    content = bare(tmp_path / "contents", SIZES.size)
    hub = Hub(Shelf(str(content.path), total=SIZES.pace), "ranged")
    yield hub
    hub.stop()


@pytest.mark.timeout(600)
def test_fifty_kills(shelf: Hub, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    print(f"CRASH_SEED={SEED}")
    content, folder = bare(tmp_path / "contents", SIZES.size), tmp_path / "to"
    aihub = Aihub(tmp_path / "home", NO_HUB, piece_bytes=SIZES.piece, stall_seconds=60)
    command = aihub.command(
        *("fetch", shelf.url, "--to", folder, "--checksum", f"sha-256:{content.sha256}"),
        *("--connections", str(SIZES.connections)),
    )

    def look() -> None:
        check_claims(folder)
        assert final_files(folder) == {}

    kills = Kills(shelf, SIZES, command, aihub.environment(), tmp_path / "log", SEED, look)
    kills.run()
    for text in told(kills):
        record_property(*line(_TABLE, text))
    prove_all(folder, {content.path.name: content.sha256})
    assert list(manifest(folder).values()) == [content.sha256]
    assert [*parts(folder), *journals(folder)] == []
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_what_comes_again_is_seen(shelf: Hub, tmp_path: Path) -> None:
    """A client that keeps nothing: the account must not be in its favour."""
    forgets = [sys.executable, "-c", f"import urllib.request; urllib.request.urlopen({json.dumps(shelf.url)}).read()"]
    kills = Kills(shelf, SIZES, forgets, {"NO_PROXY": "127.0.0.1"}, tmp_path / "log", SEED)
    with pytest.raises(AssertionError, match="MB again until each kill"):
        kills.run()
