"""Request, bundle, import: from a machine with a network to one without, whatever happens on the way."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import test_cli_fetch
from carrying import DATASET, Offline, bags, batch_file, drives, entries, payload, validate
from commandline import Aihub
from engines import final_files, sha256
from test_cli_fetch import Site

from aihub_desktop.demo.archives import Entry as ZipEntry
from aihub_desktop.demo.archives import zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.batchfile import AddressWish, DatasetWish

site = test_cli_fetch.site
SEED: Final = 20261127
_bytes: Final = random.Random(SEED).randbytes
FILES: Final[dict[str, bytes]] = {
    "01.감성 대화/원천/TS1.zip": zipped([ZipEntry(name=f"음성/{n}.wav", data=_bytes(60_000)) for n in range(3)]),
    "01.감성 대화/원천/TS2.bin": _bytes(6_000_000),
    **{f"01.감성 대화/라벨/{n:02}.csv": _bytes(20_000 + n) for n in range(18)},
}


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(Catalogue.of(FILES), piece_size=1 << 20) as hub:
        yield hub


@pytest.fixture
def aihub(tmp_path: Path, small_hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", small_hub.url)
    yield made
    made.close()


@pytest.fixture
def offline(tmp_path: Path, aihub: Aihub) -> Offline:
    return Offline(aihub, tmp_path)


@pytest.fixture
def there(tmp_path: Path) -> Path:
    made = tmp_path / "오프라인"
    made.mkdir()
    return made


def right(folder: Path) -> None:
    found = {name: sha256(data) for name, data in final_files(folder).items()}
    assert found == {name.replace(" ", "_"): sha256(data) for name, data in FILES.items()}


def asked(offline: Offline, there: Path, path: Path) -> Path:
    """A request of the offline machine."""
    batch, request = batch_file(path / "b.aihubbatch"), path / "r.aihubrequest"
    run = offline("batch", "request", batch, "--have", there, "-o", request, "--force")
    assert run.code == 0, run.err
    return request


def test_a_machine_without_a_network_gets_what_it_asked_for(
    aihub: Aihub, offline: Offline, folder: Path, there: Path, tmp_path: Path
) -> None:
    request, (drive,) = asked(offline, there, tmp_path), drives(tmp_path, 1)
    run = aihub("batch", "bundle", request, "--to", drive, "--from", folder, "--dry-run", "--json")
    assert run.code == 0, run.err
    assert [(one["files"], one["bytes"] > 6_000_000) for one in run.records if one.get("event") == "drive"] == [
        (20, True)
    ]
    assert (list(drive.iterdir()), final_files(folder)) == ([], {})
    run = aihub("batch", "bundle", request, "--to", drive, "--from", folder, "--organization", "연구실")
    assert run.code == 0, run.err
    (bag,) = bags(drive)
    validate(bag)
    assert "Bag-Count: 1 of 1" in (bag / "bag-info.txt").read_text(encoding="utf-8")
    assert "Source-Organization: 연구실" in (bag / "bag-info.txt").read_text(encoding="utf-8")
    assert not [path for path in bag.iterdir() if path.name in ("aihub-plan.jsonl", "aihub-copied.jsonl")]
    report = tmp_path / "back.aihubreport"
    run = offline("batch", "import", drive, "--to", there, "--report", report)
    assert run.code == 0, run.err
    right(there)
    assert entries(there) == entries(folder)
    for words in (("verify", there), ("verify", there, "--quick")):
        assert offline(*words).code == 0
    again = offline("batch", "import", drive, "--to", there, "--json")
    assert again.code == 0, again.err
    assert (again.records[-1]["arrived"], again.records[-1]["there"]) == (0, len(FILES))
    # Nobody needs to ask the network who has it, on either side.
    assert offline("batch", "who", "90001").code == 0
    assert aihub("batch", "who", "--add", report).code == 0
    told = aihub("batch", "who", "90001", "--json").records
    assert {one["kind"] for one in told} == {"machine", "drive"}
    assert {one["kind"] for one in offline("batch", "who", "90001", "--json").records} == {"machine", "drive"}
    assert {one["folder"] for one in told} == {str(folder), str(there), bag.name}
    assert aihub("batch", "who", "90002").code == 1


def test_nine_tenths_that_are_there_are_not_carried(
    aihub: Aihub, offline: Offline, small_hub: DemoHub, folder: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    keys = [file["file_key"] for file in aihub("files", "90001", "--json").records]
    assert aihub("get", "90001", *keys[:18], "--to", there).code == 0
    request, (drive,) = asked(offline, there, tmp_path), drives(tmp_path, 1)
    before = len(small_hub.requests)
    run = aihub("batch", "bundle", request, "--to", drive, "--from", folder)
    assert run.code == 0, run.err
    asked_for = {key for one in list(small_hub.requests)[before:] for key in one.file_keys}
    assert asked_for == set(keys[18:])  # nor fetched
    validate(*bags(drive))
    assert len(payload(*bags(drive))) == 2
    assert offline("batch", "import", drive, "--to", there).code == 0
    right(there)
    nothing = aihub("batch", "bundle", asked(offline, there, tmp_path), "--to", drive, "--from", folder, "--json")
    assert (nothing.code, nothing.records[-1]["state"]) == (0, "nothing")


def test_what_is_of_the_web_is_carried_by_its_hash(
    aihub: Aihub, offline: Offline, site: Site, folder: Path, tmp_path: Path
) -> None:
    """Another spelling of the same: a file of the web has no key, so what the other machine has is told by its hash."""
    there, request, (drive,) = tmp_path / "there", tmp_path / "r.aihubrequest", drives(tmp_path, 1)
    data, lost = site.put("dir/b.bin", _bytes(70_000)), f"{site.url}/lost.bin"
    addresses = (AddressWish(f"{site.url}/dir/b.bin"), AddressWish(lost))
    batch = batch_file(tmp_path / "b.aihubbatch", DatasetWish(DATASET, files=("100003",)), addresses=addresses)
    assert offline("batch", "request", batch, "--have", there, "-o", request).code == 0
    run = aihub("batch", "bundle", request, "--to", drive, "--from", folder, "--json")
    assert run.code == 1  # one is nowhere; the rest goes
    assert run.records[-1]["missing"] == [lost]
    validate(*bags(drive))
    assert b"lost.bin" in (bags(drive)[0] / "aihub-missing.jsonl").read_bytes()
    assert offline("batch", "import", drive, "--to", there).code == 0
    assert len(final_files(there)) == 2
    assert (there / "b.bin").read_bytes() == data
    assert entries(there) == entries(folder)
