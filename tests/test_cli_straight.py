"""`aihub get --to s3://…`: from a hub straight into a real object storage, whatever breaks on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from commandline import Aihub, Run
from engines import offered
from objects import Writer
from pushed import check_contents, keys_of, lying
from servers import Storage

from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub

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
def aihub(tmp_path: Path, small_hub: DemoHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aihub]:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
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
