"""One download over a bad line. Run alone in a network of its own: `unshare -Urn python bad_line.py TRIAL FOLDER`.

The hub, the engine and its workers meet on a loopback that belongs to nobody else, and that the trial spoils by the
system's own means. Prints one JSON object: what came of it, and a proof that the line was bad.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from engines import RunningEngine, offered
from ground import check_rest, journals, parts

from aihub_desktop.demo import faults as f
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code
from aihub_desktop.domain.states import TransferState

SEED: Final = 20261124
# An Ethernet's, and no batches of it (gso_max_segs): a loss is one of a packet, not of a burst of 64 KiB.
_MTU: Final = "1500"
# A lost SYN is sent again after 1 s, and after 2 more: a connection may lose two and is made all the same.
_CONNECT_TIMEOUT: Final = 4.0
_LOSS: Final = 20  # of a thousand packets
_RULES: Final = (
    "add table inet bad; add chain inet bad in { type filter hook input priority 0; };"
    f" add rule inet bad in numgen random mod 1000 < {_LOSS} counter drop"
)
Trial = Callable[[RunningEngine, DemoHub, int], int]


def _run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, check=True, text=True, timeout=20).stdout


def _catalogue() -> Catalogue:
    dice = random.Random(SEED)
    return Catalogue.of(
        {
            f"큰 소리/TS {number}.zip": zipped(
                [Entry(name=f"{place}.wav", data=dice.randbytes(300_000)) for place in range(10)]
            )
            for number in range(4)
        }
    )


def _half_way(hub: DemoHub, share: float = 0.5) -> None:
    whole = sum(file.content.size for file in hub.catalogue.datasets[0].files)
    hub.requests.wait(lambda seen: sum(one.sent for one in seen if one.host == "stream") > share * whole, 60)


def loss(run: RunningEngine, hub: DemoHub, transfer: int) -> int:
    """2 % of all packets are dropped, both ways: how many."""
    run.wait_for(transfer, TransferState.DONE)
    found = re.search(r"counter packets (\d+)", _run("nft", "list", "table", "inet", "bad"))
    return int(found[1]) if found else 0


def narrow(run: RunningEngine, hub: DemoHub, transfer: int) -> int:
    """A line of 60 Mbit/s with a short queue, which four streams share: how many packets did not fit."""
    run.wait_for(transfer, TransferState.DONE)
    found = re.search(r"dropped (\d+), overlimits (\d+)", _run("tc", "-s", "qdisc", "show", "dev", "lo"))
    return int(found[2]) if found else 0


def killed(run: RunningEngine, hub: DemoHub, transfer: int) -> int:
    """Every connection to the stream host is killed three times, as by a router that forgot them: how many."""
    port = hub.stream_url.rpartition(":")[2]
    count = 0
    for share in (0.2, 0.6, 1.0):
        _half_way(hub, share)
        count += _run("ss", "-K", "-t", "-H", "state", "established", f"dport = {port}").count("\n")
    run.wait_for(transfer, TransferState.DONE)
    return count


def unplugged(run: RunningEngine, hub: DemoHub, transfer: int) -> int:
    """The link goes down in the middle, until the engine has seen that there is no hub; and comes up again."""
    _half_way(hub)
    _run("ip", "link", "set", "lo", "down")
    run.wait_for_problem(transfer, Code.UNREACHABLE)
    _run("ip", "link", "set", "lo", "up")
    run.wait_for(transfer, TransferState.DONE)
    return 1


TRIALS: Final[dict[str, tuple[Trial, tuple[str, ...]]]] = {
    "loss": (loss, ("nft", _RULES)),
    "narrow": (narrow, ("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "60mbit", "burst", "16k",
                        "limit", "32k")),
    "killed": (killed, ()),
    "unplugged": (unplugged, ()),
}  # fmt: skip


def main(name: str, ground: Path) -> int:
    trial, spoil = TRIALS[name]
    _run("ip", "link", "set", "lo", "up", "mtu", _MTU, "gso_max_segs", "1")
    if spoil:
        _run(*spoil)
    folder = ground / "받은 것"
    folder.mkdir()
    catalogue = _catalogue()
    with DemoHub(catalogue, piece_size=1 << 20) as hub:
        if name in ("killed", "unplugged"):
            hub.faults.add(f.Slow(rate=2_000_000))
        with RunningEngine(
            ground / "home", hub.url, patience=None,
            bundle_files=1, stall_seconds=1.5, stall_rate=10_000, connect_timeout=_CONNECT_TIMEOUT, mark_bytes=1 << 18,
        ) as run:  # fmt: skip
            transfer = run.add(folder)
            proof = trial(run, hub, transfer)
            changes = [event for event in run.events if isinstance(event, m.Changed)]
            row = [row for event in changes for row in event.transfers][-1]
            told = {row.problem.code for event in changes for row in event.files if row.problem is not None}
    right = offered(catalogue)
    assert check_rest(folder, right) == right
    assert [*parts(folder), *journals(folder)] == []
    assert threading.active_count() == 1
    print(
        json.dumps(
            {"proof": proof, "told": sorted(told), "bytes": row.bytes, "received": row.received, "again": row.again}
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
