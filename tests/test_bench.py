"""The benchmarks work, and their figures can be read. How fast anything is, no test asserts."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from bench import peers, web
from bench.__main__ import BENCHMARKS
from bench.extents import Extents
from bench.figures import Report, Target, in_turn, percentile
from hypothesis import given
from hypothesis import strategies as st

ROOT: Final = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the peers are those of POSIX systems")
# Who must appear, however small the run is; the script's tools are there where the tests of its flow run.
PEERS: Final = {
    "single": {"ours: worker", "ours: aihub get", "official way", "curl -o download.tar"},
    "single-tls": {"ours: worker", "ours: aihub get", "official way", "curl -o download.tar"},
    "throttled": {"ours", "ours, starts 0.2 s apart", "as many curls at once"},
    "small": {"ours", "ours, one file a request", "one request a file: curl, tar, cat"},
    "dask": {"here, 3 streams", "1 worker", "2 workers", "3 workers"},
    "durability": {
        *("ours, unthrottled", "ours, every sync left out, unthrottled"),
        *("ours, gigabit", "ours, every sync left out, gigabit"),
    },
    "window": {"nothing transfers", "125 MB/s", "full speed"},
    "crowd": {"nothing transfers", "125 MB/s", "full speed", "125 MB/s, filtered"},
    "start": {"cold", "warm"},
    "processes": {"1 process", "2 processes", "4 processes"},
    "servers": {"ours", "ours, TLS", "demo hub"},
    "sharing": {"aihub serve, 1 reader", "aihub serve, 8 readers", "aihub serve, small files"},
    "ranges": {"aihub fetch, 1 connection", "aihub fetch, 4 connections", "aihub fetch, 8 connections"},
    "ranges-tls": {"aihub fetch, 1 connection", "aihub fetch, 4 connections", "aihub fetch, 8 connections"},
    "many": {"aihub fetch"},
    "objects": {"aihub fetch", "s5cmd cp"},
    "push": {"aihub push", "s5cmd cp", "rclone copy"},
    "push-many": {"aihub push", "s5cmd cp", "rclone copy"},
    "lanes": {"aihub fetch, all even", "aihub fetch, one falls to 1 %"},
    "again": {"aihub fetch"},
    "unpack-stored": {"ours, 1 thread", "ours, 2 threads"},
    "unpack-deflated": {"ours, 1 thread", "ours, 2 threads"},
    "unpack-small": {"ours, 1 thread", "ours, 2 threads"},
    "unpack-directory": {
        f"{what}, {archive}"
        for what in ("unpack --dry-run", "look")
        for archive in ("2,000 entries", "2,000 entries, 500 GB", "1,000 entries")
    },
    "verify": {"aihub verify, one file", "sha256sum -c, 20,000 small files"},
    "verify-receiving": {"stored: received alone", "sound: received and proved", "text: received and proved"},
    "verify-receiving-line": {"sound: received alone", "text: received and proved"},
}
SERVERS: Final = {
    **dict.fromkeys(("ranges", "ranges-tls", "many", "sharing"), ("nginx",)),
    "objects": ("weed", "s5cmd"),
    **dict.fromkeys(("push", "push-many"), ("weed", "s5cmd", "rclone")),
}


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)


def test_every_benchmark_is_tested() -> None:
    assert PEERS.keys() == BENCHMARKS.keys()


@pytest.mark.bench
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_works_and_its_figures_parse(name: str, tmp_path: Path) -> None:
    if peers.missing():
        pytest.skip(f"the peers need {', '.join(peers.missing())}")
    if name in ("window", "crowd", "start") and importlib.util.find_spec("PySide6") is None:
        pytest.skip("no Qt here")
    if lacking := web.missing(*SERVERS.get(name, ())):
        pytest.skip(f"no {', '.join(lacking)} here")
    done = bench(name, "--small", "--pairs", "1", "--json", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"cpu", "cores", "kernel", "python", "file system", "date", "command"} <= told["machine"].keys()
    report: dict[str, Any] = told["benchmarks"][name]
    assert set(report["medians"]) >= PEERS[name]
    for figures in report["medians"].values():
        assert all(math.isfinite(value) and value >= 0 for value in figures.values()), figures
        assert any(value > 0 for value in figures.values())
    for target in report["targets"]:
        assert target["met"] == (
            target["value"] >= target["bound"] if target["at_least"] else target["value"] <= target["bound"]
        )


def test_a_table_for_people(tmp_path: Path) -> None:
    done = bench("processes", "--small", "--pairs", "2", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^2 processes +[0-9.]+ \[[0-9.]+–[0-9.]+\] +[0-9.]+ ", done.stdout, re.MULTILINE)
    assert re.search("^cores: [0-9]+$", done.stdout, re.MULTILINE)


def test_small_sizes_are_not_judged() -> None:
    done = bench("processes", "--small", "--check")
    assert done.returncode == 2
    assert "--check" in done.stderr


def test_a_name_that_is_none() -> None:
    done = bench("singel")
    assert done.returncode == 2
    assert "singel" in done.stderr


def test_a_ratio_is_the_median_of_the_pairs() -> None:
    report = Report("three rounds, in one of which the machine was slow")
    seconds = {"ours": iter([1.0, 8.0, 1.2]), "peer": iter([2.0, 16.0, 2.0])}
    turns: list[str] = []

    def peer(name: str) -> dict[str, float]:
        turns.append(name)
        return {"seconds": next(seconds[name])}

    in_turn(report, {"ours": lambda: peer("ours"), "peer": lambda: peer("peer")}, 3)
    report.promise("ours", "peer", 0.5)
    report.promise("ours", "nobody", 0.5)
    assert turns == ["ours", "peer", "peer", "ours", "peer", "ours"]
    assert report.targets == [Target("seconds, ours / peer", 0.5, 0.5)]
    assert report.targets[0].met
    assert "met     seconds, ours / peer: 0.50 (at most 0.50)" in report.text()


def test_a_target_is_met_from_one_side_only() -> None:
    assert not Target("share", 0.94, 0.95, at_least=True).met
    assert Target("share", 0.96, 0.95, at_least=True).met
    assert not Target("time", 1.01, 1.0).met


def test_percentiles() -> None:
    assert percentile(range(100), 0.5) == 50
    assert percentile(range(100), 0.99) == 99
    assert percentile([7.0], 0.99) == 7.0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12)), max_size=20))
def test_extents_count_each_byte_once(added: list[tuple[int, int]]) -> None:
    extents, right = Extents(), set[int]()
    for start, length in added:
        new = set(range(start, start + length)) - right
        assert extents.add(start, start + length) == len(new)
        right |= new
    assert extents.count == len(right)


@pytest.mark.parametrize("words", [(), ("--filter",)])
def test_the_crowded_window_can_be_watched(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "tests.bench.crowded", "3", "20", "1", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    assert found["turns"] > 10
    assert words or found["rows"] == 63
