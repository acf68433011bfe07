"""`aihub unpack`, `aihub look` and `aihub get --unpack`, as people and scripts run them."""

from __future__ import annotations

import json
import os
import signal
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Aihub, ended
from looks import looked
from packed import Raw, member, raw_zip, tarred, tree, zeros, zipped

from aihub_desktop.cli.exits import Exit
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import CP949, SPLIT

CONTENT = {
    "라벨/a.json": '{"이름":"값"}'.encode(),
    "b.bin": bytes(range(256)) * 100,
    "c.txt": "가나다\n".encode("cp949"),
}


@pytest.fixture
def aihub(tmp_path: Path) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", "http://127.0.0.1:9")
    yield made
    made.close()


def test_unpack(aihub: Aihub, folder: Path) -> None:
    zipped(folder / "a.zip", CONTENT)
    tarred(folder / "b.tgz", [member(*one) for one in CONTENT.items()], "w:gz")
    run = aihub("unpack", folder / "a.zip", folder / "b.tgz")
    assert (run.code, run.err) == (Exit.DONE, "")
    assert run.out.splitlines() == ["a.zip → a: 3 files, 25.0 KB", "b.tgz → b: 3 files, 25.0 KB"]
    assert tree(folder / "a") == tree(folder / "b") == CONTENT


def test_where_it_went_is_told(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    zipped(folder / "TL1.zip", {"TL1/x": b"1"})
    lines = []
    for words in ((), ("--into", folder), ("--into", tmp_path / "out"), ("--into", folder / "in")):
        dry = aihub("unpack", folder / "TL1.zip", *words, "--dry-run").out
        run = aihub("unpack", folder / "TL1.zip", *words)
        assert run.code == Exit.DONE, run.err
        lines.append(run.out.strip())
        assert dry.startswith(lines[-1].partition(":")[0])
    wanted = ("TL1", folder, tmp_path / "out", "in")
    assert lines == [f"TL1.zip → {place}: 1 file, 1 B" for place in wanted]


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_what_grows_too_much_names_the_way_out(aihub: Aihub, folder: Path, lang: str) -> None:
    raw_zip(folder / "a.zip", [zeros(b"%d" % n, 250 << 20) for n in range(17)])
    run = aihub("unpack", folder / "a.zip", "--dry-run", "--lang", lang)
    assert (run.code, "--allow-any-size" in run.err) == (Exit.FAILED, True)
    assert aihub("unpack", folder / "a.zip", "--dry-run", "--allow-any-size").code == Exit.DONE
    raw_zip(folder / "b.zip", [zeros(b"0", 300 << 20)])
    run = aihub("unpack", folder / "b.zip", "--lang", lang)
    assert (run.code, "--allow-any-size" in run.err) == (Exit.FAILED, True)
    assert aihub("unpack", folder / "b.zip", "--allow-any-size").code == Exit.DONE


def test_a_whole_folder(aihub: Aihub, folder: Path) -> None:
    (folder / "sub").mkdir()
    zipped(folder / "sub/a.zip", {"x": b"1"})
    zipped(folder / "b.zip", {"y": b"2"})
    (folder / "notes.txt").write_bytes(b"mine")
    run = aihub("unpack", folder, "--delete-archive", lang="ko")
    assert run.code == Exit.DONE
    assert tree(folder) == {"notes.txt": b"mine", "sub/a/x": b"1", "b/y": b"2"}
    nothing = aihub("unpack", folder)
    assert nothing.code == Exit.USAGE
    assert "no archive" in nothing.err


def test_what_is_refused_is_told(aihub: Aihub, folder: Path) -> None:
    raw_zip(folder / "a.zip", [Raw(b"../x", b"1"), Raw("나쁜:이름".encode("cp949"), b"2")])
    run = aihub("unpack", folder / "a.zip", "--delete-archive")
    assert run.code == Exit.FAILED
    assert "names read as cp949" in run.out
    assert "not unpacked: ../x (its name leads out of the folder)" in run.err
    assert "renamed: 나쁜:이름 → 나쁜_이름" in run.err
    assert "the archive was not deleted" in run.err
    assert (folder / "a.zip").exists()


def test_json(aihub: Aihub, folder: Path) -> None:
    zipped(folder / "a.zip", {"x": b"1", "CON": b"2"})
    run = aihub("unpack", folder / "a.zip", folder / "none.zip", "--json")
    first, second, last = run.records
    assert run.code == Exit.DISK
    assert (first["event"], first["entries"], first["encoding"], first["problem"]) == ("archive", 2, "utf-8", None)
    assert first["refused"] == [{"name": "CON", "why": "renamed", "place": "_CON"}]
    assert second["problem"]["code"] == "target-missing"
    assert last == {"event": "unpacked", "archives": 2, "failed": 1, "entries": 2, "bytes": 2}


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_dry_run(aihub: Aihub, folder: Path, lang: str) -> None:
    raw_zip(folder / "a.zip", [Raw(b"x", b"1"), Raw(b"../y", b"1")])
    before = sorted(folder.rglob("*"))
    run = aihub("unpack", folder / "a.zip", "--dry-run", "--lang", lang)
    assert run.code == Exit.FAILED
    assert "a.zip → a" in run.out
    assert "../y" in run.err
    [plan] = aihub("unpack", folder / "a.zip", "--dry-run", "--json").records
    assert (plan["event"], plan["entries"], plan["missing_entries"]) == ("plan", 1, 1)
    assert sorted(folder.rglob("*")) == before


def test_bad_wishes(aihub: Aihub, folder: Path) -> None:
    zipped(folder / "a.zip", {"x": b"1"})
    (folder / "e.egg").write_bytes(b"EGGA" + bytes(50))
    assert aihub("unpack").code == Exit.USAGE
    assert aihub("unpack", folder / "a.zip", "--encoding", "klingon").code == Exit.USAGE
    egg = aihub("unpack", folder, "--only", "*.json")
    assert (egg.code, "egg" in egg.err) == (Exit.FAILED, True)
    assert "ALZip" in egg.err
    assert aihub("get", "1", "--to", folder, "--delete-archive").code == Exit.USAGE
    assert tree(folder).keys() == {"a.zip", "e.egg"}


def test_into_only_and_encoding(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    raw_zip(folder / "a.zip", [Raw("가.json".encode("cp949"), b"1"), Raw("나.txt".encode("cp949"), b"2")])
    run = aihub("unpack", folder / "a.zip", "--into", tmp_path / "out", "--only", "*.json", "--encoding", "cp949")
    assert run.code == Exit.DONE
    assert tree(tmp_path / "out") == {"가.json": b"1"}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")
def test_interrupted(aihub: Aihub, folder: Path) -> None:
    content = {f"{number}": os.urandom(40_000) for number in range(2000)}
    zipped(folder / "a.zip", content, zipfile.ZIP_STORED)
    run = aihub.start("unpack", folder / "a.zip", "--json")
    while run.poll() is None and not list((folder / ".aihub").rglob("*/*/*")):
        pass
    run.send_signal(signal.SIGINT)
    over = ended(run)
    assert over.code in (Exit.INTERRUPTED, Exit.DONE)
    assert "Traceback" not in over.err
    assert aihub("unpack", folder / "a.zip").code == Exit.DONE
    assert tree(folder / "a") == content


def test_look(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    raw_zip(folder / "a.zip", [Raw(name.encode("cp949"), data) for name, data in CONTENT.items()]
            + [Raw(b"secret", b"x", flags=1), Raw(b"evil\x1b[2J", b"y")])  # fmt: skip
    run = aihub("look", folder / "a.zip")
    assert run.code == Exit.DONE
    lines = run.out.splitlines()
    assert lines[0].split() == ["16", "B", "라벨/a.json"]
    assert lines[3].endswith("(encrypted)")
    assert "\x1b" not in run.out
    assert "names in cp949" in run.err
    *entries, last = aihub("look", folder / "a.zip", "--json").records
    assert [one["name"] for one in entries] == [*CONTENT, "secret", "evil\x1b[2J"]
    assert last["files"] == 5
    shown = aihub("look", folder / "a.zip", "--entry", "라벨/a.json")
    assert json.loads(shown.out) == {"이름": "값"}
    assert len(shown.out.splitlines()) == 3
    assert aihub("look", folder / "a.zip", "--entry", "c.txt").out == "가나다\n"
    assert aihub("look", folder / "a.zip", "--entry", "b.bin", "--output", "-").raw == CONTENT["b.bin"]
    assert aihub("look", folder / "a.zip", "--entry", "b.bin", "--output", tmp_path / "b").code == Exit.DONE
    assert (tmp_path / "b").read_bytes() == CONTENT["b.bin"]
    assert aihub("look", folder / "a.zip", "--entry", "b.bin", "--output", tmp_path / "b").code == Exit.DISK
    assert os.listdir(folder) == ["a.zip"]


def test_looks_that_fail(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    raw_zip(folder / "a.zip", [Raw(b"secret", b"x", flags=1), Raw(b"b", b"\0"), Raw(b"bad", b"1", crc=5)])
    assert aihub("look", folder / "a.zip", "--entry", "none").code == Exit.USAGE
    assert aihub("look", folder / "a.zip", "--output", "x").code == Exit.USAGE
    for name in ("secret", "b"):
        run = aihub("look", folder / "a.zip", "--entry", name)
        assert (run.code, run.out) == (Exit.FAILED, "")
    assert aihub("look", folder / "a.zip", "--entry", "bad", "--output", tmp_path / "bad").code == Exit.FAILED
    assert not (tmp_path / "bad").exists()
    assert aihub("look", folder / "none.zip").code == Exit.DISK


def test_look_into_a_tar(aihub: Aihub, folder: Path) -> None:
    tarred(folder / "a.tgz", [member(*one) for one in CONTENT.items()], "w:gz")
    assert [line.split()[-1] for line in aihub("look", folder / "a.tgz").out.splitlines()] == list(CONTENT)
    assert json.loads(aihub("look", folder / "a.tgz", "--entry", "라벨/a.json").out) == {"이름": "값"}


@pytest.mark.parametrize("dataset", [SPLIT, CP949])
def test_get_and_unpack(tmp_path: Path, hub: DemoHub, folder: Path, dataset: str) -> None:
    aihub = Aihub(tmp_path / "home2", hub.url)
    run = aihub("get", dataset, "--to", folder, "--unpack", "--delete-archive", "--json")
    assert run.code == Exit.DONE, run.err
    found = [one for one in run.records if one["event"] == "archive"]
    assert found
    assert all(one["archive_deleted"] for one in found)
    assert run.records[-1]["event"] == "end"
    assert not [name for name in tree(folder) if name.endswith((".zip", ".z01"))]
    report = looked(folder)
    assert (report.is_right, report.extra) == (True, [])
    # What was unpacked and deleted is not received once more, by any home.
    before = tree(folder)
    for home in ("home2", "home3"):
        again = Aihub(tmp_path / home, hub.url)(
            "get", dataset, "--to", folder, "--unpack", "--delete-archive", "--json"
        )
        assert again.code == Exit.DONE, again.err
        found = [one for one in again.records if one["event"] == "archive"]
        assert {(one["entries"], one["archive_deleted"], one["problem"]) for one in found} == {(0, True, None)}
        assert tree(folder) == before


@pytest.mark.parametrize("dataset", [SPLIT, CP949])
def test_what_was_unpacked_beside_a_kept_archive_is_nothing_extra(
    tmp_path: Path, hub: DemoHub, folder: Path, dataset: str
) -> None:
    run = Aihub(tmp_path / "home2", hub.url)("get", dataset, "--to", folder, "--unpack")
    assert run.code == Exit.DONE, run.err
    report = looked(folder)
    assert (report.is_right, report.extra) == (True, [])
    (folder / "mine.txt").touch()
    assert looked(folder).extra == ["mine.txt"]
