"""`aihub get --to s3://…`: from a hub straight into a real object storage, whatever breaks on the way."""

from __future__ import annotations

import json
import os
import random
import select
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from carrying import Here
from commandline import Aihub, Run, cut_power
from engines import offered
from objects import Writer
from pushed import check_contents, keys_of, lying
from servers import Storage

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.system.words import Words

PART_LINE: Final = b'"line":"part"'
BUCKET: Final = "straight-through"
_bytes: Final = random.Random(20261127).randbytes
CATALOGUE: Final = Catalogue.of(
    {
        "01.감성 대화/1.Training/TS1.zip": zipped(
            [Entry(name=f"음성/{n}.wav", data=_bytes(4_000_000)) for n in range(4)]
        ),
        "01.감성 대화/1.Training/TL1.csv": _bytes(200_000),
        "01.감성 대화/2.Validation/VS1.json": b'{"a": 1}' * 9_000,
        "01.감성 대화/2.Validation/big.bin": _bytes(12_000_000),
    }
)


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(CATALOGUE, piece_size=3 << 20) as hub:
        yield hub


@pytest.fixture
def aihub(tmp_path: Path, small_hub: DemoHub, no_profiles: None) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", small_hub.url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def storage(seaweed_storage: Storage) -> Storage:
    with Writer(seaweed_storage) as writer:
        writer.make_bucket(BUCKET)
    return seaweed_storage


def get(aihub: Aihub, storage: Storage, prefix: str, *words: str) -> Run:
    to = ("--to", f"s3://{BUCKET}/{prefix}/", "--endpoint", storage.endpoint, "--part-size", "5M", "--json")
    return aihub("get", "90001", *words, *to, **keys_of(storage))


def test_everything_passes_and_says_how_it_was_proved(aihub: Aihub, storage: Storage) -> None:
    run = get(aihub, storage, "plain")
    assert run.code == 0, run.err
    check_contents(lying(storage, BUCKET, "plain/"), offered(CATALOGUE))
    proofs = {one["path"].rpartition("/")[2]: one["proof"] for one in run.records if one["event"] == "file"}
    assert proofs == {"TS1.zip": "archive", "TL1.csv": "length", "VS1.json": "length", "big.bin": "length"}
    again = get(aihub, storage, "plain")
    assert (again.code, again.end["sent"], again.end["there"], again.end["sent_bytes"]) == (0, 0, 4, 0), again.err


def said(aihub: Aihub, words: bytes) -> int:
    files = (aihub.home / "push").glob("*.jsonl") if (aihub.home / "push").exists() else ()
    return sum(path.read_bytes().count(words) for path in files)


def kept(aihub: Aihub) -> int:
    """Bytes of the parts that a record tells of; the last part of a file is smaller."""
    lines = b"".join(path.read_bytes() for path in (aihub.home / "push").glob("*.jsonl")).splitlines()
    return sum(json.loads(line)["size"] for line in lines if PART_LINE in line)


@pytest.mark.skipif(sys.platform == "win32", reason="a process is killed as Linux and macOS do it")
def test_killed_in_the_middle_nothing_is_sent_twice(aihub: Aihub, storage: Storage, small_hub: DemoHub) -> None:
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 1_000_000))
    print(f"CRASH_SEED={seed}")
    goal = random.Random(seed).randint(1, 3)
    to = ("--to", f"s3://{BUCKET}/killed/", "--endpoint", storage.endpoint, "--part-size", "5M", "--limit", "6M")
    killed = aihub.start("get", "90001", *to, before=(), **keys_of(storage))
    deadline = time.monotonic() + 40
    while said(aihub, PART_LINE) < goal and killed.poll() is None and time.monotonic() < deadline:
        select.select([], [], [], 0.01)
    cut_power(killed)
    assert said(aihub, PART_LINE) >= goal
    known = kept(aihub)
    run = get(aihub, storage, "killed")
    assert run.code == 0, run.err
    right = offered(CATALOGUE)
    check_contents(lying(storage, BUCKET, "killed/"), right)
    # At most the parts of which a dead run heard nothing any more went twice.
    assert run.end["sent_bytes"] <= sum(map(len, right.values())) - known
    assert [one for one in run.records if one["event"] == "unfinished"] == []


def test_what_a_storage_is_not_for(tmp_path: Path, folder: Path) -> None:
    here = Here(tmp_path / "home")
    for word in ("--unpack", "--delete-archive"):
        run = here("get", "90001", "--to", "s3://bucket/x", word)
        assert run.code == 2
        assert Words("en").say("cli.get.not-for-storage", name=word) in run.err
    run = here("get", "90001", "--to", folder, "--replace")
    assert (run.code, Words("en").say("cli.get.only-for-storage", name="--replace") in run.err) == (2, True)
    run = here("fetch", "http://127.0.0.1:1/x", "--to", "s3://bucket/x")
    assert (run.code, Words("en").say("cli.get.no-folder", text="s3://bucket/x") in run.err) == (2, True)


def test_a_key_of_no_file_and_a_rehearsal(aihub: Aihub, storage: Storage) -> None:
    run = get(aihub, storage, "none", "12345")
    assert (run.code, [one["wanted"] for one in run.records]) == (1, ["12345"])
    run = get(aihub, storage, "none", "--dry-run", "--include", "*.csv")
    assert (run.code, run.end["wanted"], lying(storage, BUCKET, "none/")) == (0, 1, {})
