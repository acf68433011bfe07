"""`aihub repair`: just what is missing or broken comes again, and nothing is lost where it cannot."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
import test_cli_fetch
from commandline import Aihub, cut_power
from engines import final_files, manifest, offered, sha256
from test_cli_fetch import KEYLESS, Site, noise

from aihub_desktop.demo.archives import Entry as ZipEntry
from aihub_desktop.demo.archives import zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.faults import Changed, Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import SPLIT
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.system.words import LANGUAGES, Words
from aihub_desktop.transport.ledger import Entry, Ledger
from aihub_desktop.transport.manifest import manifest_line

BOTH: Final = pytest.mark.parametrize("language", LANGUAGES)
SEED: Final = 20261127
_bytes: Final = random.Random(SEED).randbytes
FILES: Final[dict[str, bytes]] = {
    "01.감성 대화/원천/TS1.zip": zipped([ZipEntry(name=f"음성/{n}.wav", data=_bytes(60_000)) for n in range(3)]),
    "01.감성 대화/라벨/TL1.csv": _bytes(150_000),
    "01.감성 대화/라벨/VL1.json": b'{"a": 1}' * 9_000,
}
ZIP, CSV, JSON = (name.replace(" ", "_") for name in FILES)
site = test_cli_fetch.site


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(Catalogue.of(FILES), piece_size=1 << 16) as hub:
        yield hub


@pytest.fixture
def aihub(tmp_path: Path, small_hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", small_hub.url, piece_bytes=1 << 18)
    yield made
    made.close()


@pytest.fixture
def full(aihub: Aihub, folder: Path) -> Path:
    run = aihub("get", "90001", "--to", folder)
    assert run.code == 0, run.err
    return folder


def right() -> dict[str, bytes]:
    return {name.replace(" ", "_"): data for name, data in FILES.items()}


def spoil(path: Path, place: int = 7) -> bytes:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    return bytes(data)


def spoilt(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def is_whole(folder: Path, files: dict[str, bytes]) -> None:
    assert {name: sha256(data) for name, data in final_files(folder).items()} == {
        name: sha256(data) for name, data in files.items()
    }
    assert manifest(folder) == {name: sha256(data) for name, data in files.items()}
    if program := shutil.which("sha256sum"):
        subprocess.run([program, "--quiet", "--strict", "-c", ".aihub/manifest-sha256.txt"], cwd=folder, check=True)


def fetched(hub: DemoHub, since: int) -> list[str]:
    """The file keys that the hub was asked for, in every request from `since` on."""
    return [key for asked in list(hub.requests)[since:] for key in sorted(getattr(asked, "keys", ()))]


def test_just_what_is_missing_or_broken_comes_again(aihub: Aihub, small_hub: DemoHub, full: Path) -> None:
    spoil(full / CSV)
    (full / JSON).unlink()
    kept = (full / ZIP).stat()
    run = aihub("repair", full, "--yes", "--json")
    assert run.code == 0, run.err
    assert {one["path"]: one["finding"] for one in run.records if one["event"] == "finding"} == {
        CSV: "changed", JSON: "missing",
    }  # fmt: skip
    assert {one["path"] for one in run.records if one["event"] == "file"} == {CSV, JSON}
    assert (run.end["done"], run.end["failed"]) == (2, 0)
    is_whole(full, right())
    now = (full / ZIP).stat()
    assert (now.st_ino, now.st_mtime_ns) == (kept.st_ino, kept.st_mtime_ns)
    for depth in ("--deep", "--quick"):
        assert aihub("verify", full, depth).code == 0
    nothing = aihub("repair", full)
    assert (nothing.code, nothing.out) == (0, f"{Words('en').say('cli.repair.nothing')}\n")


@pytest.mark.parametrize("length", [0, 100_000])
def test_a_file_of_another_length_comes_again(aihub: Aihub, full: Path, length: int) -> None:
    os.truncate(full / CSV, length)
    assert aihub("repair", full, "--yes", "--quick").code == 0
    is_whole(full, right())


@BOTH
def test_what_changed_is_only_replaced_where_a_person_agrees(aihub: Aihub, full: Path, language: str) -> None:
    mine = spoil(full / CSV)
    (full / JSON).unlink()
    run = aihub("repair", full, AIHUB_LANG=language)
    assert run.code == 1, run.err
    assert Words(language).say("cli.repair.left", n=1) in run.err
    assert final_files(full) == right() | {CSV: mine}


def test_a_rehearsal_touches_nothing(aihub: Aihub, full: Path) -> None:
    mine = spoil(full / CSV)
    before = {path: path.stat().st_mtime_ns for path in full.rglob("*")}
    run = aihub("repair", full, "--dry-run", "--json")
    assert run.code == 0, run.err
    assert run.records[-1]["event"] == "plan"
    assert run.records[-1]["files"] == 1
    assert {path: path.stat().st_mtime_ns for path in full.rglob("*")} == before
    assert (full / CSV).read_bytes() == mine


def test_the_broken_file_stays_until_the_new_one_is_proved(aihub: Aihub, small_hub: DemoHub, full: Path) -> None:
    broken = spoil(full / ZIP, 1000)
    small_hub.faults.add(Slow(rate=100_000))
    process = aihub.start("repair", full, "--yes", "--json")
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["path"] == ZIP
        part = full / f"{ZIP}.part"
        while process.poll() is None and not part.exists():
            assert (full / ZIP).read_bytes() == broken
        assert (full / ZIP).read_bytes() == broken
    finally:
        cut_power(process)
    assert (full / ZIP).read_bytes() == broken
    small_hub.faults.clear()
    run = aihub("repair", full, "--yes")
    assert run.code == 0, run.err
    is_whole(full, right())


def test_a_hub_that_is_away_loses_nothing(aihub: Aihub, small_hub: DemoHub, full: Path) -> None:
    broken = spoil(full / CSV)
    small_hub.stop()
    run = aihub("repair", full, "--yes", "--patience", "0.5")
    assert run.code == 5, run.err
    assert final_files(full) == right() | {CSV: broken}
    # The quick look knows what the deep one before it found.
    assert aihub("verify", full, "--quick").code == 1


def test_what_somebody_wrote_since_it_was_found_broken_is_not_replaced(
    aihub: Aihub, small_hub: DemoHub, full: Path
) -> None:
    spoil(full / CSV)
    small_hub.stop()
    assert aihub("repair", full, "--yes", "--patience", "0.5").code == 5
    (full / CSV).write_bytes(b"my own work")
    assert Ledger(full).entries()[CSV].broken is not None
    small_hub.start()
    run = aihub("get", "90001", "--to", full)
    assert run.code == 4, run.err
    assert (full / CSV).read_bytes() == b"my own work"


@BOTH
def test_a_newer_release_is_told_and_the_file_is_left(
    aihub: Aihub, tmp_path: Path, folder: Path, language: str
) -> None:
    with DemoHub(Catalogue.of({"가/나.csv": b"old" * 1000})) as hub:
        older = Aihub(tmp_path / "older", hub.url)
        assert older("get", "90001", "--to", folder).code == 0
    entry = Ledger(folder).entries()["가/나.csv"]
    Ledger(folder).record([msgspec.structs.replace(entry, key="7")])
    broken = spoil(folder / "가/나.csv")
    with DemoHub(Catalogue.of({"가/나.csv": b"new" * 1000})) as hub:
        newer = Aihub(tmp_path / "newer", hub.url)
        run = newer("repair", folder, "--yes", "--json", AIHUB_LANG=language)
    assert run.code == 1, run.err
    told = Words(language).problem(Problem(Code.RELEASED_ANEW, {"dataset": "90001"}))
    assert told.advice in run.err
    assert {one["problem"] for one in run.records if one["event"] == "refused"} == {"released-anew"}
    assert final_files(folder) == {"가/나.csv": broken}


@BOTH
def test_a_file_that_came_from_nobody_knows_where(aihub: Aihub, folder: Path, language: str) -> None:
    (folder / ".aihub").mkdir()
    (folder / ".aihub/manifest-sha256.txt").write_bytes(manifest_line("a.csv", sha256(b"1")))
    run = aihub("repair", folder, "--yes", AIHUB_LANG=language, AIHUB_APIKEY="")
    assert run.code == 1, run.err
    assert Words(language).problem(Problem(Code.UNKNOWN_ORIGIN)).advice in run.err


def test_other_bytes_than_at_first_are_told(aihub: Aihub, small_hub: DemoHub, full: Path) -> None:
    (full / CSV).unlink()
    small_hub.faults.add(Changed(places=frozenset({5})))
    run = aihub("repair", full)
    assert run.code == 0, run.err
    assert Words("en").say("cli.repair.other-bytes", n=1) in run.err
    is_whole(full, right() | {CSV: (full / CSV).read_bytes()})


def test_a_volume_of_a_split_set_is_proved_as_before(
    hub: DemoHub, catalogue: Catalogue, tmp_path: Path, folder: Path
) -> None:
    aihub = Aihub(tmp_path / "home", hub.url)
    assert aihub("get", SPLIT, "--to", folder).code == 0
    files = offered(catalogue, SPLIT)
    volume = next(name for name in files if name.endswith(".z01"))
    proof = Ledger(folder).entries()[volume].proof
    assert proof == "archive"
    spoil(folder / volume)
    run = aihub("repair", folder, "--yes")
    assert run.code == 0, run.err
    is_whole(folder, files)
    assert Ledger(folder).entries()[volume].proof == proof
    aihub.close()


@pytest.mark.parametrize("size", [2_000, 3_000_000])
def test_a_file_of_a_web_address(tmp_path: Path, site: Site, folder: Path, size: int) -> None:
    data, other = site.put("dir/b.bin", noise(size, SEED)), site.put("c.bin", noise(5_000, 3))
    aihub = Aihub(tmp_path / "home", "http://127.0.0.1:9", piece_bytes=1 << 20)
    address = f"{site.url}/dir/b.bin"
    run = aihub("fetch", address, "--checksum", f"sha-256:{sha256(data)}", "--to", folder, **KEYLESS)
    assert aihub("fetch", f"{site.url}/c.bin", "--to", folder, **KEYLESS).code == 0
    assert run.code == 0, run.err
    entry = Ledger(folder).entries()["b.bin"]
    assert entry.modified == (folder / "b.bin").stat().st_mtime_ns
    spoil(folder / "b.bin")
    (folder / "c.bin").unlink()
    repaired = aihub("repair", folder, "--yes", "--json", **KEYLESS)
    assert repaired.code == 0, repaired.err
    is_whole(folder, {"b.bin": data, "c.bin": other})
    after = Ledger(folder).entries()["b.bin"]
    assert (after.proof, after.note, after.key) == ("checksum", "sha-256", address)
    aihub.close()


@pytest.mark.parametrize("cut", [False, True])
def test_of_a_large_file_just_the_broken_pieces_come(tmp_path: Path, site: Site, folder: Path, cut: bool) -> None:
    size, piece = 12_000_000, 1 << 20
    data = site.put("big.bin", noise(size, SEED))
    aihub = Aihub(tmp_path / "home", "http://127.0.0.1:9", piece_bytes=piece)
    assert aihub("fetch", f"{site.url}/big.bin", "--to", folder, **KEYLESS).code == 0
    assert [path.name for path in (folder / ".aihub/pieces").iterdir()] == [f"{sha256(data)}.journal"]
    if cut:
        os.truncate(folder / "big.bin", 9_000_000)
    else:
        spoil(folder / "big.bin", 5_000_000)
        spoil(folder / "big.bin", 11_999_999)
    run = aihub("repair", folder, "--yes", "--json", **KEYLESS)
    assert run.code == 0, run.err
    is_whole(folder, {"big.bin": data})
    print(f"received {run.end['received']:,} of {size:,}")
    assert 0 < run.end["received"] < (5_500_000 if cut else 4_500_000)
    assert [path.name for path in (folder / ".aihub/pieces").iterdir()] == [f"{sha256(data)}.journal"]
    aihub.close()


def test_pieces_of_other_bytes_are_of_no_use(tmp_path: Path, site: Site, folder: Path) -> None:
    data = site.put("big.bin", noise(9_000_000, SEED))
    aihub = Aihub(tmp_path / "home", "http://127.0.0.1:9", piece_bytes=1 << 20)
    assert aihub("fetch", f"{site.url}/big.bin", "--to", folder, **KEYLESS).code == 0
    spoil(folder / "big.bin", 5_000_000)
    newer = site.put("big.bin", noise(9_000_001, SEED + 1))
    os.utime(site.root / "big.bin", (2_000_000_000, 2_000_000_000))
    run = aihub("repair", folder, "--yes", **KEYLESS)
    # The place has other bytes now: either these come whole, or the file stays as it is.
    assert final_files(folder)["big.bin"] in (newer, spoilt(data, 5_000_000)), run.err
    assert (run.code == 0) == (final_files(folder)["big.bin"] == newer)
    aihub.close()


def test_an_address_that_is_gone_leaves_the_file(tmp_path: Path, site: Site, folder: Path) -> None:
    site.put("b.bin", noise(5_000, SEED))
    aihub = Aihub(tmp_path / "home", "http://127.0.0.1:9")
    assert aihub("fetch", f"{site.url}/b.bin", "--to", folder, **KEYLESS).code == 0
    broken = spoil(folder / "b.bin")
    (site.root / "b.bin").unlink()
    run = aihub("repair", folder, "--yes", **KEYLESS)
    assert run.code == 1, run.err
    assert Words("en").problem(Problem(Code.NOT_THERE)).advice in run.err
    assert final_files(folder) == {"b.bin": broken}
    aihub.close()


@BOTH
def test_bad_words(aihub: Aihub, folder: Path, language: str) -> None:
    words = Words(language)
    run = aihub("repair", folder, AIHUB_LANG=language)
    assert (run.code, words.say("cli.verify.no-manifest", path=str(folder)) in run.err) == (2, True)
    assert aihub("repair", folder, "--quick", "--deep", AIHUB_LANG=language).code == 2
    assert aihub("repair", AIHUB_LANG=language).code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_are_neither_followed_nor_replaced(aihub: Aihub, full: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_bytes(b"outside")
    (full / CSV).unlink()
    (full / CSV).symlink_to(outside)
    run = aihub("repair", full, "--yes")
    assert run.code == 1, run.err
    assert (full / CSV).is_symlink()
    assert outside.read_bytes() == b"outside"


def test_logs_of_older_programs_are_repaired_too(aihub: Aihub, full: Path) -> None:
    log = full / ".aihub/log.jsonl"
    older = [json.loads(line) for line in log.read_bytes().splitlines()]
    kept = [{key: value for key, value in one.items() if key not in ("modified", "etag", "broken")} for one in older]
    log.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in kept))
    assert msgspec.json.decode(msgspec.json.encode(kept[0]), type=Entry).modified == 0
    quick = aihub("verify", full, "--quick", "--json")
    assert (quick.code, quick.end["unproved"]) == (1, 3)
    spoil(full / CSV)
    assert aihub("repair", full, "--yes").code == 0
    is_whole(full, right())
    # A deep look remembers what the log does not know.
    assert aihub("verify", full).code == 0
    assert aihub("verify", full, "--quick").code == 0
