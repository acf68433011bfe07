"""`aihub sync --dask`: a real scheduler, real workers, and what becomes of a batch when any of them dies."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from clusters import Cluster, cluster
from commandline import Aihub, ended
from engines import final_files, manifest, sha256

from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.batchfile import BatchFile, DatasetWish
from aihub_desktop.domain.batchtext import written
from aihub_desktop.transport.ledger import Ledger

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are killed as POSIX systems do")
TOP: Final = "01.감성 대화"
_bytes: Final = random.Random(20261128).randbytes
SIZE: Final = 600_000
FILES: Final[dict[str, bytes]] = {
    **{f"{TOP}/원천/TS{number}.bin": _bytes(SIZE) for number in range(6)},
    **{f"{TOP}/라벨/TL{number}.json": _bytes(2_000) for number in range(5)},
}


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), "a", "b", "c") as made:
        yield made


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(Catalogue.of(FILES), piece_size=1 << 16) as hub:
        yield hub


@pytest.fixture
def aihub(tmp_path: Path, small_hub: DemoHub) -> Iterator[Aihub]:
    # Files of this size would all be asked for together, in one stream.
    made = Aihub(tmp_path / "home", small_hub.url, bundle_bytes=100_000, stall_seconds=20)
    yield made
    made.close()


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    path = tmp_path / "mine.aihubbatch"
    path.write_bytes(written(BatchFile(1, "감성", datasets=(DatasetWish("90001"),))))
    return path


def is_in_step(folder: Path, files: Mapping[str, bytes] = FILES) -> None:
    hashes = {name.replace(" ", "_"): sha256(data) for name, data in files.items()}
    assert {name: sha256(data) for name, data in final_files(folder).items()} == hashes
    assert manifest(folder) == hashes
    assert Ledger(folder).entries().keys() == hashes.keys()
    assert not (folder / ".aihub" / "dask").exists()


def asked(hub: DemoHub) -> Counter[str]:
    return Counter(key for seen in hub.requests if seen.host == "stream" for key in seen.file_keys)


def test_each_file_comes_once_and_there_is_one_manifest(
    crew: Cluster, aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    run = aihub("sync", batch, "--to", folder, "--dask", crew.address, "--json")
    assert run.code == 0, run.err + crew.log("a")
    print(run.out, run.err)
    is_in_step(folder)
