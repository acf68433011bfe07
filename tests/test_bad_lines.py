"""Lines that lose, delay, end and come back: the right bytes all the same, and nobody has to do anything.

The losses are the kernel's own, in a network of the test's own; where the kernel or the machine allows no such thing,
a skip says what was missing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from bad_line import TRIALS
from engines import RunningEngine, final_files, offered
from loopback import Delay
from tables import line

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.states import TransferState

_LONGEST: Final = 100.0
_TABLE: Final = "Bad lines"
_ALONE: Final = ("unshare", "-Urn")
# Not every kernel can; ss then says nothing, and the connection lives on.
_KILLS_ONE: Final = """
import socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
door = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(door.getsockname())
far, _ = door.accept()
subprocess.run(["ss", "-K", "-t", f"dport = {door.getsockname()[1]}"], check=True, capture_output=True)
near.settimeout(1)
try:
    near.recv(1)
except TimeoutError:
    sys.exit("ss -K kills nothing")
except OSError:
    pass
"""
# What each trial asks the kernel for, tried out before: {trial: the command}.
_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "loss": ("nft", "add table inet t; add chain inet t c; add rule inet t c numgen random mod 1000 < 20 drop"),
    "narrow": ("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "1mbit", "burst", "16k", "limit", "32k"),
    "killed": (sys.executable, "-c", _KILLS_ONE),
    "unplugged": ("ip", "link", "set", "lo", "up"),
}
# What a person may see on the way.
_MAY_TELL: Final = {
    "loss": {"stalled", "cut", "unreachable"},
    "narrow": set[str](),
    "killed": {"cut", "unreachable"},
    "unplugged": {"stalled", "cut", "unreachable"},
}
_MUST_TELL: Final = {"loss": set[str](), "narrow": set[str](), "killed": {"cut"}, "unplugged": {"unreachable"}}


@cache
def missing(trial: str) -> str:
    """What of `trial` this machine lacks; "" for nothing."""
    if sys.platform != "linux":
        return "networks of one's own are Linux's"
    for tool in ("unshare", "ip", "ss", _NEEDS[trial][0]):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    tried = subprocess.run([*_ALONE, *_NEEDS[trial]], capture_output=True, text=True, check=False)
    said = tried.stderr.strip().partition("\n")[0]
    return f"refused: {said}" if tried.returncode or "not permitted" in said else ""


@pytest.mark.parametrize("trial", TRIALS)
def test_a_bad_line(trial: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    if why := missing(trial):
        pytest.skip(why)
    command = [*_ALONE, sys.executable, str(Path(__file__).with_name("bad_line.py")), trial, str(tmp_path)]
    run = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=_LONGEST,
        env={**os.environ, "AIHUB_APIKEY": DEMO_KEY, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    assert told["proof"] > 0, "the line was not bad"
    assert _MUST_TELL[trial] <= set(told["told"]) <= _MAY_TELL[trial]
    spoilt = {
        "loss": "2 % of the packets dropped: {} of them", "narrow": "60 Mbit/s with a short queue: {} packets waited",
        "killed": "connections killed: {}", "unplugged": "the link down and up again",
    }[trial].format(told["proof"])  # fmt: skip
    megabytes = [f"{told[name] / 1e6:.1f}" for name in ("bytes", "received", "again")]
    text = f"{spoilt}; right bytes: {megabytes[0]} MB, received {megabytes[1]} MB, {megabytes[2]} MB of it again"
    record_property(*line(_TABLE, text))


def test_fifty_milliseconds_each_way(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """A far hub: every byte comes, and every word goes, 50 ms late."""
    monkeypatch.setenv("AIHUB_APIKEY", DEMO_KEY)
    entries = [Entry(name=f"{place}.wav", data=noise(200_000, place)) for place in range(10)]
    catalogue = Catalogue.of({f"먼 곳/{number}.zip": zipped(entries) for number in range(4)})
    with (
        DemoHub(catalogue, piece_size=1 << 19) as hub,
        Delay(hub.url, 0.05) as api,
        Delay(hub.stream_url, 0.05) as stream,
    ):
        hub.lead_streams_to(stream.url)
        with RunningEngine(tmp_path / "home", api.url, patience=None, bundle_files=1) as run:
            row = run.fetch(folder)
    assert row.state is TransferState.DONE
    assert final_files(folder) == offered(catalogue)
    assert (row.again, stream.carried >= row.bytes) == (0, True), "one request for each file, all through the delay"
    text = f"50 ms each way; right bytes: {row.bytes / 1e6:.1f} MB, none of it again"
    record_property(*line(_TABLE, text))
