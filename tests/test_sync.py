"""`aihub sync`: whatever a folder holds, it comes to hold what the batch says, and nothing comes twice."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import test_cli_fetch
from commandline import Aihub, Run, cut_power, ended
from engines import final_files, manifest, offered, sha256
from objects import Writer
from servers import Storage
from sharing_ground import TOKEN, door
from tables import line
from test_cli_fetch import Site, noise
from test_cli_storage import KEYS

from aihub_desktop.cli import sync as sync_of
from aihub_desktop.cli.arguments import interval
from aihub_desktop.demo.archives import Entry, zipped
from aihub_desktop.demo.catalogue import Catalogue
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.disk.volume import is_unmounted
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.batchtext import written
from aihub_desktop.domain.faults import Code, ProblemError
from aihub_desktop.domain.model import HUB
from aihub_desktop.holdings import once
from aihub_desktop.holdings.discard import discard
from aihub_desktop.holdings.turn import Turn
from aihub_desktop.system.logs import Diary
from aihub_desktop.system.words import LANGUAGES, Words
from aihub_desktop.transport.ledger import Entry as LogEntry
from aihub_desktop.transport.ledger import Ledger, moment

BOTH: Final = pytest.mark.parametrize("language", LANGUAGES)
SEED: Final = int(os.environ.get("CRASH_SEED") or random.SystemRandom().getrandbits(32))
TOP: Final = "01.감성 대화"
_bytes: Final = random.Random(20261127).randbytes
FILES: Final[dict[str, bytes]] = {
    f"{TOP}/원천/TS1.zip": zipped([Entry(name=f"음성/{n}.wav", data=_bytes(60_000)) for n in range(3)]),
    f"{TOP}/라벨/TL1.csv": _bytes(50_000),
    f"{TOP}/라벨/VL1.json": b'{"a": 1}' * 9_000,
    f"{TOP}/라벨/VL2.json": b'{"b": 2}' * 900,
}
ZIP, CSV, JSON, JSON2 = (name.replace(" ", "_") for name in FILES)
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
def batch(tmp_path: Path) -> Path:
    return put(tmp_path, BatchFile(1, "감성", datasets=(DatasetWish("90001"),)))


def put(tmp_path: Path, batch: BatchFile) -> Path:
    path = tmp_path / "mine.aihubbatch"
    path.write_bytes(written(batch))
    return path


def right(files: Mapping[str, bytes] = FILES) -> dict[str, bytes]:
    return {name.replace(" ", "_"): data for name, data in files.items()}


def downloads(hub: DemoHub, since: int = 0) -> list[str]:
    """The file keys of every request for files since then."""
    return [key for seen in list(hub.requests)[since:] if seen.host == "api" for key in seen.file_keys]


def is_in_step(folder: Path, files: Mapping[str, bytes]) -> None:
    hashes = {name: sha256(data) for name, data in right(files).items()}
    assert {name: sha256(data) for name, data in final_files(folder).items()} == hashes
    assert manifest(folder) == hashes


def spoil(path: Path, *, keep_time: bool = False) -> None:
    state, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def told(run: Run) -> dict[str, Any]:
    last = run.records[-1]
    assert last["event"] == "sync"
    assert last["exit"] == run.code
    return last


def released(files: Mapping[str, bytes], dice: random.Random) -> dict[str, bytes]:
    """Another release: one file less, one more, one with other bytes; every file key now means another path."""
    names = list(files)
    gone, changed = dice.sample(names, 2)
    newer = {name: files[name] for name in names if name != gone}
    data = dice.randbytes(len(files[changed]) + dice.randrange(2_000, 9_000))
    newer[changed] = zipped([Entry(name="1", data=data)]) if changed.endswith(".zip") else data
    newer[f"{TOP}/새것/{dice.randrange(10**6)}.bin"] = dice.randbytes(dice.randrange(1_000, 60_000))
    shuffled = list(newer)
    dice.shuffle(shuffled)
    return {name: newer[name] for name in shuffled}


# From any state.


def test_what_is_missing_or_broken_comes_and_nothing_twice(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    run = aihub("sync", batch, "--to", folder, "--json")
    assert run.code == 0, run.err
    assert told(run) | {"seconds": 0} == {
        "event": "sync", "exit": 0, "name": "감성", "folder": str(folder), "wished": 4, "right": 0, "broken": 0,
        "older": 0, "done": 4, "bytes": sum(map(len, FILES.values())), "failed": 0, "surplus": 0, "deleted": 0,
        "unpacked": 0, "seconds": 0, "next": None,
    }  # fmt: skip
    is_in_step(folder, FILES)
    before = len(small_hub.requests)
    assert told(aihub("sync", batch, "--to", folder, "--json"))["right"] == 4
    assert not downloads(small_hub, before)
    (folder / "mine.txt").write_text("of a person")
    spoil(folder / CSV)
    (folder / JSON).unlink()
    dry = aihub("sync", batch, "--to", folder, "--dry-run", "--json")
    assert dry.code == 0, dry.err
    assert [one["file_key"] for one in dry.records if "file_key" in one] == ["100002", "100003"]
    assert not (folder / JSON).exists()
    assert not downloads(small_hub, before)
    run = aihub("sync", batch, "--to", folder, "--json")
    assert run.code == 0, run.err
    assert sorted(downloads(small_hub, before)) == ["100002", "100003"]
    assert [one["path"] for one in run.records if one["event"] == "finding"] == [CSV]
    (folder / "mine.txt").unlink()
    is_in_step(folder, FILES)


def test_a_change_that_hides_is_found_by_a_deep_look(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    assert aihub("sync", batch, "--to", folder).code == 0
    spoil(folder / ZIP, keep_time=True)
    os.utime(folder / JSON)  # merely touched: read once, and remembered
    before = len(small_hub.requests)
    assert told(aihub("sync", batch, "--to", folder, "--json"))["right"] == 4
    assert JSON in (folder / ".aihub" / "times.jsonl").read_text(encoding="utf-8")
    assert not downloads(small_hub, before)
    assert told(aihub("sync", batch, "--to", folder, "--deep", "--json"))["broken"] == 1
    assert downloads(small_hub, before) == ["100001"]
    is_in_step(folder, FILES)


def test_a_new_release_replaces_what_changed_and_deletes_only_its_own(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    assert aihub("sync", batch, "--to", folder).code == 0
    newer = {name: data for name, data in FILES.items() if name != f"{TOP}/라벨/VL1.json"}
    newer[f"{TOP}/라벨/TL1.csv"] = _bytes(70_000)  # under the key of before
    newer[f"{TOP}/라벨/VL3.json"] = b"3" * 3_000
    small_hub.offer(Catalogue.of(newer))
    (folder / f"{JSON}.mine").write_text("of a person")
    before = len(small_hub.requests)
    run = aihub("sync", batch, "--to", folder, "--json")
    assert run.code == 0, run.err
    assert (told(run)["surplus"], told(run)["deleted"]) == (1, 0)
    assert (folder / JSON).exists()
    fetched = downloads(small_hub, before)
    assert "100001" not in fetched  # the zip is what it was
    assert aihub("sync", batch, "--to", folder, "--delete").code == 2  # nobody to ask
    dry = aihub("sync", batch, "--to", folder, "--delete", "--dry-run")
    assert "would be deleted" in dry.err
    assert (folder / JSON).exists()
    run = aihub("sync", batch, "--to", folder, "--delete", "--yes", "--json")
    assert told(run)["deleted"] == 1
    assert (folder / f"{JSON}.mine").read_text() == "of a person"
    (folder / f"{JSON}.mine").unlink()
    is_in_step(folder, newer)
    small_hub.offer(Catalogue.of(FILES))  # what was deleted is wished again
    assert aihub("sync", batch, "--to", folder, "--delete", "--yes").code == 0
    is_in_step(folder, FILES)


@pytest.mark.parametrize("answer", [b"y\n", b"\n"])
def test_at_a_terminal_a_person_is_asked(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, answer: bytes
) -> None:  # fmt: skip
    if sys.platform == "win32":
        pytest.skip("a terminal is played by a pty")
    assert aihub("sync", batch, "--to", folder).code == 0
    small_hub.offer(Catalogue.of(dict(list(FILES.items())[:3])))
    ours, theirs = os.openpty()
    words = aihub.command("sync", batch, "--to", folder, "--delete")
    process = subprocess.Popen(words, stdin=theirs, stderr=theirs, stdout=subprocess.DEVNULL, env=aihub.environment())
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 1 << 12)
    os.write(ours, answer)
    assert process.wait(30) == 0
    os.close(ours)
    assert len(final_files(folder)) == (3 if answer.strip() else 4)


def test_what_somebody_changed_is_not_deleted(aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path) -> None:
    assert aihub("sync", batch, "--to", folder).code == 0
    small_hub.offer(Catalogue.of({name: data for name, data in FILES.items() if "VL" not in name}))
    (folder / JSON).write_text("longer or shorter, it is no file of ours any more")
    run = aihub("sync", batch, "--to", folder, "--delete", "--yes", "--json")
    assert run.code == 1
    assert (told(run)["deleted"], told(run)["surplus"]) == (1, 2)
    assert (folder / JSON).read_text().startswith("longer")


def test_nothing_is_deleted_where_the_wish_is_not_understood(
    aihub: Aihub, small_hub: DemoHub, tmp_path: Path, folder: Path
) -> None:  # fmt: skip
    batch = put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001", files=("100001", "100004")),)))
    assert aihub("sync", batch, "--to", folder).code == 0
    two = final_files(folder)
    assert sorted(two) == sorted([ZIP, JSON2])
    small_hub.offer(Catalogue.of(dict(list(FILES.items())[:2])))  # one of the keys means nothing now
    run = aihub("sync", batch, "--to", folder, "--delete", "--yes", "--json")
    assert run.code == 1
    assert [one["wanted"] for one in run.records if one["event"] == "refused"] == ["90001 100004"]
    assert final_files(folder) == two
    batch = put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001", include=("*.none",)), DatasetWish("77"))))
    assert aihub("sync", batch, "--to", folder, "--delete", "--yes").code == 1
    assert final_files(folder) == two
    small_hub.stop()
    batch = put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001", include=("*.zip",)),)))
    run = aihub("sync", batch, "--to", folder, "--delete", "--yes", "--summary", tmp_path / "mail", "--json")
    assert run.code == 5  # right as of the old list, which nobody can be sure of
    assert final_files(folder) == two
    assert "reason: " in (tmp_path / "mail").read_text(encoding="utf-8")


def test_a_file_of_others_is_never_overwritten(aihub: Aihub, batch: Path, folder: Path) -> None:
    (folder / CSV).parent.mkdir(parents=True)
    (folder / CSV).write_text("of a person")
    run = aihub("sync", batch, "--to", folder)
    assert run.code == 4
    assert (folder / CSV).read_text() == "of a person"
    assert len(manifest(folder)) == 3


def test_an_older_release_that_somebody_wrote_to_is_replaced(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path
) -> None:  # fmt: skip
    assert aihub("sync", batch, "--to", folder).code == 0
    newer = {**FILES, f"{TOP}/라벨/TL1.csv": _bytes(90_000)}
    small_hub.offer(Catalogue.of(newer))
    (folder / CSV).write_text("half an edit")
    run = aihub("sync", batch, "--to", folder)
    assert run.code == 0, run.err
    is_in_step(folder, newer)


def test_the_key_is_asked_for_only_where_something_has_to_come(aihub: Aihub, batch: Path, folder: Path) -> None:
    assert aihub("sync", batch, "--to", folder, AIHUB_APIKEY="").code == 3
    assert aihub("sync", batch, "--to", folder).code == 0
    assert aihub("sync", batch, "--to", folder, AIHUB_APIKEY="").code == 0


def test_the_folder_of_a_batch_begins_where_the_batch_lies(aihub: Aihub, tmp_path: Path) -> None:
    batch = put(tmp_path, BatchFile(1, to="안/쪽", datasets=(DatasetWish("90001", include=("*.csv",)),)))
    assert aihub("sync", batch).code == 0
    assert list(final_files(tmp_path / "안" / "쪽")) == [CSV]
    assert aihub("sync", put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001"),)))).code == 2


# Kills.


@pytest.mark.timeout(300)
def test_twenty_runs_with_kills_releases_and_damage_converge(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, record_property: Any
) -> None:  # fmt: skip
    """Most of the runs are killed with all their workers at a random moment, every fourth has to end in step."""
    print(f"CRASH_SEED={SEED}")
    dice = random.Random(SEED)
    files: dict[str, bytes] = {f"{TOP}/{n}.bin": dice.randbytes(dice.randrange(20_000, 120_000)) for n in range(10)}
    files[f"{TOP}/a.zip"] = zipped([Entry(name=f"{n}", data=dice.randbytes(30_000)) for n in range(4)])
    small_hub.offer(Catalogue.of(files))
    words = ("sync", str(batch), "--to", str(folder), "--delete", "--yes", "--patience", "20")
    began = time.monotonic()
    assert aihub(*words).code == 0
    longest = time.monotonic() - began
    is_in_step(folder, files)
    small_hub.faults.add(Slow(rate=800_000))
    kills = converged = 0
    for number in range(20):
        if number % 3 == 1:
            small_hub.offer(Catalogue.of(files := released(files, dice)))
        elif there := sorted(path for path in folder.rglob("*") if path.suffix in (".bin", ".zip")):
            spoil(dice.choice(there))
            dice.choice(there).unlink()
        process = aihub.start(*words)
        try:
            process.wait(None if number % 4 == 3 else dice.uniform(0.2, 1.5) * longest)
        except subprocess.TimeoutExpired:
            cut_power(process)
            kills += 1
            continue
        run = ended(process)
        assert run.code == 0, run.err
        is_in_step(folder, files)
        converged += 1
    small_hub.faults.clear()
    run = aihub(*words)
    assert run.code == 0, run.err
    is_in_step(folder, files)
    before = len(small_hub.requests)
    assert aihub(*words).code == 0
    assert not downloads(small_hub, before)
    record_property(*line("aihub sync", f"20 runs: {kills} killed, {converged} ended in step; seed {SEED}"))


# Many files.


def has(folder: Path, files: Mapping[str, bytes]) -> None:
    """As if all of it had been received: that would take longer than all other tests here."""
    entries = []
    for number, (name, data) in enumerate(files.items(), 100_001):
        place = name.replace(" ", "_")
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        entries.append(
            LogEntry(
                place, sha256(data), len(data), HUB, "90001", False, str(number), name, "length", moment(),
                modified=path.stat().st_mtime_ns,
            )
        )  # fmt: skip
    Ledger(folder).record(entries)


def test_an_unchanged_batch_of_4000_files_costs_no_download_and_no_time(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, record_property: Any
) -> None:  # fmt: skip
    if sys.platform == "win32":
        pytest.skip("Windows does not tell what its children used")
    files = {f"{TOP}/{n // 200:02}/{n}.json": b"%d" % n * 20 for n in range(4_000)}
    small_hub.offer(Catalogue.of(files))
    has(folder, files)
    before, used = len(small_hub.requests), os.times()
    began = time.monotonic()
    run = aihub("sync", batch, "--to", folder, "--json")
    spent, now = time.monotonic() - began, os.times()
    assert (run.code, told(run)["right"]) == (0, 4_000)
    assert not downloads(small_hub, before)
    assert [seen.path for seen in list(small_hub.requests)[before:]] == ["/info/90001.do"]
    # Other work on the machine makes it take longer, but no more of the processor.
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    assert cpu < 2.0
    record_property(*line("aihub sync", f"4,000 files unchanged: {spent:.2f} s, {cpu:.2f} s of processor time"))


# Unpacking.


def packed(names: Mapping[str, bytes]) -> bytes:
    return zipped([Entry(name=name, data=data) for name, data in names.items()])


def test_what_is_whole_is_unpacked_once_and_a_new_release_anew(
    aihub: Aihub, small_hub: DemoHub, tmp_path: Path, folder: Path
) -> None:  # fmt: skip
    batch = put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001"),), unpack=True))
    old, new = (
        {"가.json": b"1" * 90, "b c.json": b"2" * 90, "d.json": b"3" * 90},
        {"가.json": b"4" * 95, "e.json": b"5"},
    )
    small_hub.offer(Catalogue.of({f"{TOP}/a.zip": packed(old), f"{TOP}/x.csv": b"x"}))
    inside = folder / TOP.replace(" ", "_") / "a"
    assert told(aihub("sync", batch, "--to", folder, "--json"))["unpacked"] == 1
    assert {path.name: path.read_bytes() for path in inside.iterdir()} == old
    (inside / "d.json").unlink()  # of a person's mind: what was unpacked once is not unpacked again
    assert told(aihub("sync", batch, "--to", folder, "--json"))["unpacked"] == 0
    assert not (inside / "d.json").exists()
    (folder / ".aihub" / once.NAME).unlink()  # forgotten: looked into once more, and nothing is written
    assert told(aihub("sync", batch, "--to", folder, "--json"))["unpacked"] == 1
    small_hub.offer(Catalogue.of({f"{TOP}/a.zip": packed(new), f"{TOP}/x.csv": b"x"}))
    run = aihub("sync", batch, "--to", folder)
    assert run.code == 0, run.err
    assert {path.name: path.read_bytes() for path in inside.iterdir()} == new
    (inside / "e.json").write_bytes(b"mine")
    small_hub.offer(Catalogue.of({f"{TOP}/a.zip": packed({**new, "e.json": b"6" * 9}), f"{TOP}/x.csv": b"x"}))
    assert aihub("sync", batch, "--to", folder).code == 1  # what somebody wrote to is in the way
    assert (inside / "e.json").read_bytes() == b"mine"


def test_an_archive_that_was_unpacked_and_deleted_does_not_come_again(
    aihub: Aihub, small_hub: DemoHub, tmp_path: Path, folder: Path
) -> None:  # fmt: skip
    batch = put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001"),), unpack=True, delete_archives=True))
    small_hub.offer(Catalogue.of({f"{TOP}/a.zip": packed({"1.json": b"1" * 50}), f"{TOP}/x.csv": b"x"}))
    assert aihub("sync", batch, "--to", folder).code == 0
    there = sorted(final_files(folder))
    assert [Path(name).name for name in there] == ["1.json", "x.csv"]
    before = len(small_hub.requests)
    assert told(aihub("sync", batch, "--to", folder, "--delete", "--yes", "--json"))["right"] == 2
    assert not downloads(small_hub, before)
    small_hub.offer(Catalogue.of({f"{TOP}/a.zip": packed({"1.json": b"2" * 55}), f"{TOP}/x.csv": b"x"}))
    run = aihub("sync", batch, "--to", folder)
    assert run.code == 0, run.err
    assert sorted(final_files(folder)) == there
    assert final_files(folder)[there[0]] == b"2" * 55


# Elsewhere than at the hub.


def test_addresses_and_datasets_in_one_run(aihub: Aihub, site: Site, tmp_path: Path, folder: Path) -> None:
    one, two = site.put("a.bin", noise(300_000, 1)), site.put("b.bin", noise(5_000, 2))
    wishes = (
        AddressWish(f"{site.url}/a.bin", out="웹/a.bin", checksum=f"sha-256:{sha256(one)}"),
        AddressWish(f"{site.url}/b.bin"), AddressWish(f"{site.url}/none"),
    )  # fmt: skip
    dataset = DatasetWish("90001", include=("*.csv",))
    batch = put(tmp_path, BatchFile(1, datasets=(dataset,), addresses=wishes))
    run = aihub("sync", batch, "--to", folder, "--json")
    assert run.code == 1
    assert [told_["wanted"] for told_ in run.records if told_["event"] == "refused"] == [f"{site.url}/none"]
    wanted = {"웹/a.bin": one, "b.bin": two, CSV: right()[CSV]}
    taken = DatasetWish("90001", include=("*.csv",)), AddressWish(f"{site.url}/b.bin", out=CSV)
    run = aihub("sync", put(tmp_path, BatchFile(1, datasets=(taken[0],), addresses=(taken[1],))), "--to", folder)
    assert run.code == 1  # two for one name
    assert "same name" in run.err
    assert final_files(folder) == wanted
    batch = put(tmp_path, BatchFile(1, datasets=(dataset,), addresses=wishes[:2]))
    asked = len(site.asked())
    assert aihub("sync", batch, "--to", folder).code == 0
    assert not [text for text in site.asked()[asked:] if "GET" in text and "206" in text and "bytes=0-0" not in text]
    wanted["b.bin"] = noise(5_000, 3)  # as long as before: its validator tells
    (site.root / "b.bin").write_bytes(wanted["b.bin"])
    os.utime(site.root / "b.bin", (2_000_000_000, 2_000_000_000))
    assert told(aihub("sync", batch, "--to", folder, "--json"))["older"] == 1
    assert final_files(folder) == wanted


def test_a_machine_of_the_lab_is_asked_before_the_hub(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    library = tmp_path / "library"
    assert aihub("sync", batch, "--to", library).code == 0
    before = len(small_hub.requests)
    with door(library) as lab:
        run = aihub("sync", batch, "--to", folder, "--from", lab.url, "--json", AIHUB_LAB_TOKEN=TOKEN)
        assert run.code == 0, run.err
    assert not downloads(small_hub, before)
    is_in_step(folder, FILES)
    assert told(aihub("sync", batch, "--to", folder, "--json"))["right"] == 4


def test_objects_below_a_prefix_come_change_and_go(
    seaweed_storage: Storage, tmp_path: Path, folder: Path
) -> None:  # fmt: skip
    files = {"set/a.bin": noise(3_000, 1), "set/b/c.bin": noise(4_000, 2), "other/d.bin": noise(10, 3)}
    with Writer(seaweed_storage) as writer:
        writer.make_bucket("sync")
        for key, body in files.items():
            writer.put("sync", key, body)
    aihub = Aihub(tmp_path / "home", "http://127.0.0.1:9", piece_bytes=1 << 18)
    nothing = str(tmp_path / "nothing")
    variables = {**KEYS, "AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing}
    wish = (AddressWish("s3://sync/set/"), AddressWish("s3://sync/other/d.bin"))
    batch = put(tmp_path, BatchFile(1, addresses=wish, endpoint=seaweed_storage.endpoint))
    run = aihub("sync", batch, "--to", folder, **variables)
    assert run.code == 0, run.err
    assert final_files(folder) == {"a.bin": files["set/a.bin"], "b/c.bin": files["set/b/c.bin"], "d.bin": noise(10, 3)}
    with Writer(seaweed_storage) as writer:
        writer.put("sync", "set/a.bin", noise(3_000, 9))  # as long as before
        writer.send("DELETE", "/sync/set/b/c.bin")
    run = aihub("sync", batch, "--to", folder, "--delete", "--yes", "--json", **variables)
    assert (run.code, told(run)["older"], told(run)["deleted"]) == (0, 1, 1), run.err
    assert final_files(folder) == {"a.bin": noise(3_000, 9), "d.bin": noise(10, 3)}
    assert told(aihub("sync", batch, "--to", folder, "--json", **variables))["right"] == 2


# One at a time, and by the clock.


def test_a_second_run_into_the_same_folder_is_refused(aihub: Aihub, batch: Path, folder: Path) -> None:
    with Turn(folder):
        for language in LANGUAGES:
            run = aihub("sync", batch, "--to", folder, AIHUB_LANG=language)
            assert run.code == 3
            assert str(folder) in run.err
            assert str(os.getpid()) in run.err
        assert aihub("sync", batch, "--to", folder, "--dry-run").code == 0
    assert not final_files(folder)
    assert aihub("sync", batch, "--to", folder).code == 0


def test_a_folder_that_can_only_be_read_or_is_a_link_holds_nobody_up(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / ".aihub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ProblemError) as caught, Turn(folder):
        pass
    assert caught.value.problem.code is Code.IN_THE_WAY
    assert not list((tmp_path / "elsewhere").iterdir())


def lines_of(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for text in process.stdout:
        yield json.loads(text)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite kill from outside")
def test_every_so_often_until_it_is_told_to_end(
    aihub: Aihub, small_hub: DemoHub, batch: Path, folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    mail = tmp_path / "mail"
    process = aihub.start(
        "sync", str(batch), "--to", str(folder), "--every", "1s", "--json", "--patience", "1", "--summary", str(mail)
    )  # fmt: skip
    rounds = (one for one in lines_of(process) if one["event"] == "sync")
    first = next(rounds)
    assert (first["exit"], first["done"]) == (0, 4)
    assert first["next"] is not None
    (folder / JSON).unlink()
    assert next(one for one in rounds if one["done"])["exit"] == 0
    small_hub.stop()  # a bad line is told, and ends nothing
    assert next(one for one in rounds if one["exit"])["exit"] == 5
    small_hub.start()
    assert next(one for one in rounds if not one["exit"])["right"] == 4
    batch.write_text("{", encoding="utf-8")  # neither does a slip in the file, once it has begun
    assert next(one for one in rounds if one["exit"])["exit"] == 2
    batch.write_bytes(written(BatchFile(1, datasets=(DatasetWish("90001", include=("*.csv",)),))))
    assert next(one for one in rounds if not one["exit"])["wished"] == 1
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    assert time.monotonic() - began < 10
    assert "next time" in mail.read_text(encoding="utf-8")
    process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite kill from outside")
def test_while_it_waits_it_sleeps_and_ends_at_once(aihub: Aihub, batch: Path, folder: Path) -> None:
    assert aihub("sync", batch, "--to", folder).code == 0
    process = aihub.start("sync", str(batch), "--to", str(folder), "--every", "6h", "--json")
    assert next(lines_of(process))["event"] == "end"
    assert next(lines_of(process))["next"] > time.time() + 5 * 3600
    assert aihub("sync", batch, "--to", folder).code == 0  # nobody is kept out meanwhile
    used = cpu_of(process.pid)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.0)
    assert cpu_of(process.pid) - used <= 1  # a hundredth of a second
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert time.monotonic() - began < 5
    process.communicate()


def cpu_of(pid: int) -> int:
    """Ticks of processor time."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        pytest.skip("this system gives no /proc")
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_an_error_of_the_command_ends_even_every_so_often(aihub: Aihub, tmp_path: Path, folder: Path) -> None:
    assert aihub("sync", tmp_path / "none", "--to", folder, "--every", "6h").code == 2
    assert aihub("sync", tmp_path / "none", "--every", "6 hours").code == 2
    assert aihub("sync", tmp_path / "none", "--every", "6h", "--once").code == 2
    assert aihub("sync", tmp_path / "none", "--every", "6h", "--delete").code == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6h", 21_600), ("1d", 86_400), ("90m", 5_400), ("1H30M", 5_400), ("45s", 45), (" 2d12h ", 216_000)],
)
def test_how_often_is_read(text: str, seconds: int) -> None:
    assert interval(text) == seconds


@pytest.mark.parametrize("text", ["", "0h", "6", "h", "-1h", "1h1d", "6 h", "1.5h", "999999h", "400d", "٣h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text)):
        interval(text)


# What it says.


@BOTH
def test_a_summary_is_a_short_text(aihub: Aihub, tmp_path: Path, folder: Path, language: str) -> None:
    batch = put(tmp_path, BatchFile(1, "우리", datasets=(DatasetWish("90001"), DatasetWish("77"))))
    mail = tmp_path / "mail.txt"
    run = aihub("sync", batch, "--to", folder, "--summary", mail, AIHUB_LANG=language)
    assert run.code == 1
    text, words = mail.read_text(encoding="utf-8"), Words(language)
    assert text.splitlines()[0] == words.say("cli.summary.ill", name="우리", exit=1)
    assert str(folder) in text
    size = words.size(sum(map(len, FILES.values())))
    assert words.say("cli.summary.came", n=4, size=size) in text
    gone = words.problem(ProblemError(Code.UNKNOWN_DATASET).problem).title
    assert words.say("cli.summary.failed", path="77", why=gone) in text
    assert len(text.splitlines()) < 8
    assert aihub("sync", batch, "--to", folder, "--summary", tmp_path / "none" / "mail").code == 2


def test_a_log_takes_the_words_and_rotates(aihub: Aihub, small_hub: DemoHub, tmp_path: Path, folder: Path) -> None:
    log = tmp_path / "sync.log"
    batch = put(tmp_path, BatchFile(1, datasets=(DatasetWish("90001"), *(DatasetWish(f"8{n:03}") for n in range(60)))))
    for _ in range(4):
        run = aihub("sync", batch, "--to", folder, "--log", log, "--log-size", "4K", "--log-keep", "2")
        assert (run.code, run.out, run.err) == (1, "", "")
    assert sorted(path.name for path in tmp_path.glob("sync.log*")) == ["sync.log", "sync.log.1", "sync.log.2"]
    assert all(path.stat().st_size <= 4_096 for path in tmp_path.glob("sync.log*"))
    last = log.read_text(encoding="utf-8").splitlines()[-1]
    assert last[:4] == time.strftime("%Y")
    run = aihub("sync", batch, "--to", folder, "--log", tmp_path / "none" / "log")
    assert run.code == 4
    assert "Traceback" not in run.err


# What lies below it.


def test_a_folder_that_was_kept_in_step_can_be_discarded_whole(aihub: Aihub, batch: Path, folder: Path) -> None:
    assert aihub("sync", batch, "--to", folder).code == 0
    once.remember(folder, [once.Archive(ZIP, "1")])
    assert discard(folder).files == len(FILES)
    assert not folder.exists()


def test_a_ledger_forgets_places_and_keeps_the_lines_of_others(folder: Path) -> None:
    own = folder / ".aihub"
    own.mkdir()
    mark = "0" * 64
    (own / "manifest-sha256.txt").write_text(f"{mark}  a\n# of a person\n{mark}  b\n{mark} *c\n", encoding="utf-8")
    Ledger(folder).forget(["a", "none", "c"])
    assert (own / "manifest-sha256.txt").read_text(encoding="utf-8") == f"# of a person\n{mark}  b\n"
    Ledger(folder / "none").forget(["a"])
    assert not (folder / "none").exists()


def test_what_was_unpacked_is_remembered_by_its_bytes(folder: Path) -> None:
    (folder / ".aihub").mkdir()
    once.remember(folder, [once.Archive("a", "1"), once.Archive("b", "2")])
    once.remember(folder, [once.Archive("a", "3")])
    path = folder / ".aihub" / once.NAME
    path.write_bytes(path.read_bytes() + b'["torn", "4')
    assert once.done(folder) == {once.Archive("a", "3"), once.Archive("b", "2")}
    assert once.done(folder / "none") == set()


def test_offered_files_are_those_of_the_hub(small_hub: DemoHub) -> None:
    assert offered(small_hub.catalogue) == right()


# What a hostile eye found.


def test_a_summary_goes_where_a_shell_would_have_put_it(aihub: Aihub, batch: Path, folder: Path) -> None:
    home = folder.parent / "me"
    home.mkdir()
    run = aihub("sync", batch, "--to", folder, "--summary=~/mail.txt", HOME=str(home), USERPROFILE=str(home))
    assert run.code == 0, run.err
    assert (home / "mail.txt").exists()
    assert aihub("sync", batch, "--to", folder, "--summary", home).code == 4  # a folder is no place for it


def test_a_clock_that_is_put_back_makes_nobody_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    until, began = time.time() + 0.2, time.monotonic()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    sync_of._wait(until, 0.2)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(not Path("/media").is_dir(), reason="this system puts no drives there")
def test_a_drive_that_is_away_is_not_replaced_by_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a timer fills the system's own drive."""
    with pytest.raises(ProblemError) as caught, Turn(Path("/media/none-of-ours/data")):
        pass
    assert caught.value.problem.code is Code.DRIVE_MISSING
    assert not Path("/media/none-of-ours").exists()
    # What is missing on a drive that is there may be made.
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == "/media/usb")
    assert not is_unmounted(Path("/media/usb/data"), Path("/media/usb"))
    assert is_unmounted(Path("/media/me/usb/data"), Path("/media/me"))


def test_a_prefix_that_is_empty_now_deletes_nothing(
    seaweed_storage: Storage, tmp_path: Path, folder: Path
) -> None:  # fmt: skip
    """An empty answer may be anybody's fault, of one prefix as of a whole dataset."""
    with Writer(seaweed_storage) as writer:
        writer.make_bucket("empty")
        for key in ("a/1.bin", "b/2.bin"):
            writer.put("empty", key, noise(1_000, 1))
        aihub = Aihub(tmp_path / "home", "http://127.0.0.1:9")
        nothing = str(tmp_path / "nothing")
        variables = {**KEYS, "AWS_CONFIG_FILE": nothing, "AWS_SHARED_CREDENTIALS_FILE": nothing}
        wish = (AddressWish("s3://empty/a/"), AddressWish("s3://empty/b/"))
        batch = put(tmp_path, BatchFile(1, addresses=wish, endpoint=seaweed_storage.endpoint))
        run = aihub("sync", batch, "--to", folder, **variables)
        assert run.code == 0, run.err
        before = final_files(folder)
        assert len(before) == 2
        writer.send("DELETE", "/empty/a/1.bin")
    run = aihub("sync", batch, "--to", folder, "--delete", "--yes", "--json", **variables)
    assert final_files(folder) == before
    assert run.code == 1, run.err


def test_what_two_processes_log_is_kept(tmp_path: Path) -> None:
    """A timer's second run finds the first at work and says so: the first goes on in the log of that name."""
    log = tmp_path / "log"
    first, second = Diary(log, 1_000, 5), Diary(log, 1_000, 5)
    for number in range(40):
        second.write(f"second {number}")
        first.write(f"first {number}")
    first.close()
    second.close()
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(tmp_path.glob("log*"), reverse=True))
    told_ = [text_ for line_ in text.splitlines() if (text_ := line_[20:])]
    last = {name: [one for one in told_ if one.startswith(name)] for name in ("first", "second")}
    assert all(
        len(lines) > 30 and lines == sorted(lines, key=lambda one: int(one.split()[1])) for lines in last.values()
    )
