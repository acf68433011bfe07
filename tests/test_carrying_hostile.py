"""Bundles that somebody made up, or changed: nothing leaves the folder, nothing is overwritten, and it is said why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bagit
import msgspec
import pytest
from carrying import FEW as FILES
from carrying import (
    LINKS,
    Here,
    bags,
    batch_file,
    drive,
    drives,
    entries,
    flip,
    here,
    holds,
    library,
    resealed,
    there,
    validate,
)
from engines import final_files, sha256

from aihub_desktop.batch import bag as bags_of
from aihub_desktop.disk.files import hashed
from aihub_desktop.domain.batchfile import AddressWish, DatasetWish
from aihub_desktop.domain.faults import ProblemError
from aihub_desktop.transport.ledger import Entry, Ledger

__all__ = ["drive", "here", "there"]  # fixtures are found by their names here


def changed(drive: Path, change: Callable[[dict[str, Any]], None], number: int = 1) -> None:
    """A line of the list is another, and all sums are right again."""
    (bag,) = bags(drive)
    lines = (bag / "aihub-files.jsonl").read_bytes().splitlines()
    line = json.loads(lines[number])
    change(line)
    lines[number] = json.dumps(line).encode()
    (bag / "aihub-files.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    resealed(bag)


def outside(there: Path) -> list[str]:
    """All that lies beside the folder."""
    kept = ("drive", "other-home", "home", "b.aihubbatch", "r.aihubrequest", "받은 것")
    return [name.name for name in there.parent.iterdir() if name != there and not name.name.startswith(kept)]


@pytest.mark.parametrize(
    "place",
    [
        "../out.txt", "/tmp/carry-out.txt", "a/../../out.txt", "C:/out.txt", "a\\..\\..\\out.txt", "NUL", "a/con.txt",
        ".aihub/manifest-sha256.txt", "AIHUB~1/log.jsonl", "a/one.txt.part.journal", "x.part", "a/\x00.txt", "a\nb",
        "a/\u202etxt.exe", "a./b", "", "a//b", "ä" * 200,
    ],
)  # fmt: skip
def test_a_name_that_leads_away_is_refused_and_the_rest_is_taken(
    here: Here, there: Path, drive: Path, place: str
) -> None:
    changed(drive, lambda line: line["story"].update(place=place))
    ended = here.take(there, drive)
    assert ended.code == 1, ended.err
    assert "Not taken" in ended.out
    assert set(final_files(there)) == set(FILES) - {"a/one.txt"}
    assert outside(there) == []
    assert not Path("/tmp/carry-out.txt").exists()


def test_no_name_moves_the_cursor(here: Here, there: Path, drive: Path) -> None:
    changed(drive, lambda line: line["story"].update(place="a/\x1b[2J\x9b.txt"))
    ended = here.take(there, drive)
    assert ended.code == 1
    assert not {"\x1b", "\x9b"} & set(ended.out + ended.err)


@LINKS
def test_what_the_other_machine_has_is_read_only_as_a_file(
    here: Here, there: Path, drive: Path, tmp_path: Path
) -> None:
    (there / "link").symlink_to(tmp_path / "drive-other")
    (tmp_path / "drive-other").write_bytes(FILES["a/one.txt"])

    def change(line: dict[str, Any]) -> None:
        line.update(have="link")
        del line["portions"]

    changed(drive, change)
    ended = here.take(there, drive)
    assert ended.code in (1, 4)
    assert "a/one.txt" not in final_files(there)


def test_names_that_would_be_one_file_elsewhere(here: Here, there: Path, drive: Path) -> None:
    changed(drive, lambda line: line["story"].update(place="A/TWO.txt"))
    ended = here.take(there, drive)
    assert ended.code == 1, ended.err
    assert len(final_files(there)) == 2


def test_a_portion_that_lies_elsewhere_is_no_portion(here: Here, there: Path, drive: Path, tmp_path: Path) -> None:
    secret = tmp_path / "kept" / "secret.txt"
    secret.parent.mkdir()
    secret.write_bytes(FILES["a/one.txt"])
    for path in (os.path.relpath(secret, bags(drive)[0]), str(secret), "data/../../../kept/secret.txt"):
        kept = shutil.copytree(bags(drive)[0], tmp_path / "drive-kept")
        manifest = (bags(drive)[0] / "manifest-sha256.txt").read_text(encoding="utf-8")
        (bags(drive)[0] / "manifest-sha256.txt").write_text(
            manifest.replace("data/a/one.txt", path), encoding="utf-8"
        )  # fmt: skip
        changed(drive, lambda line, path=path: line["portions"][0].update(path=path))  # type: ignore[misc]
        ended = here.take(there, drive)
        assert ended.code == 1, ended.err
        assert "a/one.txt" not in final_files(there)
        shutil.rmtree(bags(drive)[0])
        kept.rename(drive / "aihub-bundle-kept")


@LINKS
@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "up"])
def test_what_is_no_file_is_not_read(here: Here, there: Path, drive: Path, tmp_path: Path, kind: str) -> None:
    (bag,) = bags(drive)
    one = bag / "data/a/one.txt"
    if kind == "up":  # the folder above it leads away, to the very bytes
        (bag / "data/a").rename(tmp_path / "drive-away")
        (bag / "data/a").symlink_to(tmp_path / "drive-away")
    else:
        one.rename(tmp_path / "drive-away")
        if kind == "link":
            one.symlink_to(tmp_path / "drive-away")
        elif kind == "folder":
            one.mkdir()
        elif sys.platform != "win32":
            os.mkfifo(one)
    ended = here.take(there, drive)
    assert ended.code in (1, 4), ended.err
    assert "a/one.txt" not in final_files(there)
    assert "three.bin" in final_files(there)


@LINKS
def test_a_folder_that_is_a_link_is_not_written_through(here: Here, there: Path, drive: Path, tmp_path: Path) -> None:
    away = tmp_path / "drive-away"
    away.mkdir()
    (there / "a").symlink_to(away)
    ended = here.take(there, drive)
    assert ended.code == 4
    assert list(away.iterdir()) == []
    assert (there / "three.bin").exists()


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda line: line.update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line["portions"][0].update(start=1),
        lambda line: line["portions"][0].update(stop=1),
        lambda line: line["portions"][0].update(bag=2),
        lambda line: line["portions"][0].update(sha256="0" * 64),
        lambda line: line["story"].update(sha256="z" * 64),
        lambda line: line["story"].update(size=-1),
        lambda line: line["story"].update(size=1 << 80),
        lambda line: line["story"].update(proof="sworn"),
        lambda line: line["story"].update(at="9999-12-31T00:00:00+00:00"),
        lambda line: line["story"].update(note="\x1b[2J"),
        lambda line: line["story"].update(modified=-1),
        _set("strange", 1),
        _set("portions", [{"bag": 1, "path": "data/x", "start": 0, "stop": 1 << 61}]),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(
    here: Here, there: Path, drive: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    changed(drive, change)
    ended = here.take(there, drive)
    assert ended.code in (1, 2), ended.err
    assert final_files(there) == {}


def test_a_file_that_grew_or_shrank_or_vanished_is_named(here: Here, there: Path, drive: Path) -> None:
    (bag,) = bags(drive)
    (bag / "data/a/one.txt").unlink()
    (bag / "data/a/two.txt").write_bytes(FILES["a/two.txt"] + b"!")
    os.truncate(bag / "data/three.bin", 4_999_999)
    ended = here.take(there, drive)
    assert ended.code == 1
    assert all(name in ended.out for name in FILES if name != "a/two.txt")
    assert "should have 3 files" in ended.err


# ---- signatures ----


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("not installed: ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name in ("good", "bad"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name} one@lab", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return folder


def test_who_signed_is_checked_before_anything_is_taken(
    here: Here, folder: Path, there: Path, tmp_path: Path, keys: Path
) -> None:
    library(folder, FILES)
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, folder, drive, sign=str(keys / "good")).code == 0
    (bag,) = bags(drive)
    validate(bag)
    good, bad = (str(keys / f"{name}.pub") for name in ("good", "bad"))
    for allowed in (bad, str(tmp_path / "none.pub")):
        ended = here.take(there, drive, "--signed-by", allowed)
        assert ended.code in (3, 4), ended.err
        assert final_files(there) == {}
    listed = tmp_path / "drive-allowed"
    listed.write_text(f"lab@example.org {(keys / 'good.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    for allowed, name in ((good, "good_one@lab"), (str(listed), "lab@example.org")):
        ended = here.take(there, drive, "--signed-by", allowed)
        assert ended.code == 0, ended.err
        assert f"Signed by {name}" in ended.err
    holds(there, FILES)
    # Whoever changes a byte of a list and mends the sums has no right signature any more.
    flip(bag / "data/a/one.txt")
    changed(drive, lambda line: line["story"].update(note="x"))
    ended = here.take(tmp_path / "drive-other", drive, "--signed-by", good)
    assert ended.code == 3
    assert "signature is wrong" in ended.err
    (bag / "tagmanifest-sha256.txt.sig").unlink()
    ended = here.take(tmp_path / "drive-other", drive, "--signed-by", good)
    assert ended.code == 3
    assert "not signed" in ended.err
    assert not (tmp_path / "drive-other").exists()


def test_a_key_that_cannot_sign_leaves_the_bundle_unfinished(
    here: Here, folder: Path, there: Path, tmp_path: Path, keys: Path
) -> None:
    library(folder, FILES)
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    assert here.bundle(request, folder, drive, sign=str(keys / "none")).code == 3
    assert here.take(there, drive).code == 3
    assert here.bundle(request, folder, drive, sign=str(keys / "good")).code == 0
    assert here.take(there, drive, "--signed-by", str(keys / "good.pub")).code == 0


# ---- what is still to come, and what lies beside ----


def test_what_is_still_to_come_is_named_where_anybody_can_fetch_it(
    here: Here, folder: Path, there: Path, tmp_path: Path
) -> None:
    library(folder, FILES)
    data, address = b"web" * 100, "https://example.org/web.bin"
    (folder / "web.bin").write_bytes(b"damaged")
    sums = hashed(_written(tmp_path / "drive-web", data))
    Ledger(folder).record([Entry("web.bin", sums, len(data), "web", "", False, address, "web.bin", "length")])
    batch = batch_file(
        tmp_path / "b.aihubbatch", DatasetWish("90001"), DatasetWish("90002", files=("77",)),
        addresses=(AddressWish(address), AddressWish("https://example.org/s?token=secret")),
    )  # fmt: skip
    request, (drive,) = tmp_path / "r.aihubrequest", drives(tmp_path, 1)
    words = ("batch", "request", batch, "--have", there, "-o", request)
    assert here(*words, home=tmp_path / "other-home").code == 0
    ended = here("batch", "bundle", request, "--to", drive, "--from", folder, "--offline", "--json")
    assert ended.code == 0, ended.err
    assert len(ended.records[-1]["missing"]) == 3
    (bag,) = bags(drive)
    assert (bag / "fetch.txt").read_text(encoding="utf-8") == f"{address} 300 data/web.bin\n"
    assert b"secret" not in b"".join(path.read_bytes() for path in bag.iterdir() if path.is_file())
    # The tool misses just what is to be fetched, and nothing else.
    with pytest.raises(bagit.BagValidationError) as found:
        bagit.Bag(str(bag)).validate()
    assert [str(one).replace("\\", "/") for one in found.value.details if "oxum" not in str(one).lower()] == [
        "data/web.bin exists in manifest but was not found on filesystem"
    ]
    ended = here.take(there, drive)
    assert ended.code == 0, ended.err
    assert "1 still to be fetched" in ended.out
    holds(there, FILES)
    (bag / "data/web.bin").write_bytes(data)  # by any tool that reads fetch.txt
    assert here.take(there, drive).code == 0
    assert entries(there)["web.bin"][2] == address


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@LINKS
def test_the_program_goes_with_it(here: Here, folder: Path, there: Path, tmp_path: Path, keys: Path) -> None:
    library(folder, FILES)
    program = tmp_path / "drive-program" / "AI Hub Desktop"
    program.mkdir(parents=True)
    (program / "aihub").write_bytes(b"#!/bin/sh\n")
    (program / "lib.so").symlink_to("aihub")
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    ended = here.bundle(request, folder, drive, with_program=str(program), sign=str(keys / "good"))
    assert ended.code == 0, ended.err
    assert "aihub-program/AI Hub Desktop/aihub batch import" in ended.out
    (bag,) = bags(drive)
    validate(bag)
    lines = (bag / "aihub-program-sha256.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split("  ", 1)[0] for line in lines] == [sha256(b"#!/bin/sh\n")] * 2
    assert all(hashed(bag / line.split("  ", 1)[1]) == line[:64] for line in lines)  # as sha256sum -c reads it
    assert "aihub-program-sha256.txt" in (bag / "tagmanifest-sha256.txt").read_text(encoding="utf-8")
    (program / "out").symlink_to(tmp_path)
    assert here.bundle(request, folder, drive, with_program=str(program), replace="").code == 4
    assert len(bags(drive)) == 1  # refused before anything was deleted


# ---- documents ----


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (lambda text: text[:-5], 2, "line 2: it is cut off"),
        (lambda text: b"\n".join(text.splitlines()[:1]) + b"\n", 2, "cut off"),
        (lambda text: text + b"{}\n", 2, "something follows"),
        (lambda text: text.replace(b'"aihubrequest":1', b'"aihubrequest":9'), 3, "newer version"),
        (lambda text: text.replace(b'"aihubrequest":1', b'"aihubbatch":1'), 2, "another kind"),
        (lambda text: text.replace(b'"sha256"', b'"sha-256"'), 2, "line 2"),
        (lambda text: b"\xff\xfe\x00" + text, 2, "another kind"),
        (lambda text: b"[" * 100_000, 2, "cut off"),
        (lambda text: b"", 2, "cut off"),
    ],
)
def test_a_request_that_cannot_be_read_says_where(
    here: Here, tmp_path: Path, change: Callable[[bytes], bytes], code: int, said: str
) -> None:
    folder, there = tmp_path / "full", tmp_path / "there"
    library(folder, FILES)
    library(there, {"a.txt": b"a"})
    request, (drive,) = here.request(there, tmp_path), drives(tmp_path, 1)
    request.write_bytes(change(request.read_bytes()))
    ended = here.bundle(request, folder, drive)
    assert ended.code == code, ended.err
    assert said in ended.err
    assert list(drive.iterdir()) == []


def test_manifests_are_read_as_the_standard_has_them(tmp_path: Path) -> None:
    names = ["data/a%b", "data/a%0Ab", "data/line\nfeed", "data/cr\r", "data/a b", "data/가"]
    path = tmp_path / "manifest-sha256.txt"
    path.write_bytes(b"".join(bags_of.manifest_text((name, "0" * 64) for name in names)))
    assert b"data/a%250Ab" in path.read_bytes()
    assert set(bags_of.read_manifest(path)) == set(names)
    path.write_bytes(f"{'A' * 64} *data/x\r\n{'b' * 64}\tdata/y\n".encode())
    assert bags_of.read_manifest(path) == {"data/x": "a" * 64, "data/y": "b" * 64}
    for text in (f"{'a' * 63}  data/x\n", f"{'a' * 64}  x\n{'a' * 64}  x\n", "x\n", "\udcff"):
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ProblemError):
            bags_of.read_manifest(path)


def test_no_network_is_there_at_all(here: Here, folder: Path, there: Path, tmp_path: Path) -> None:
    """In a network namespace of its own, in which not even loopback is up."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make a network of its own")
    library(folder, FILES)
    (drive,), batch, request = drives(tmp_path, 1), batch_file(tmp_path / "b.aihubbatch"), tmp_path / "r.aihubrequest"
    for words in (
        ("request", batch, "--have", there, "-o", request),
        ("bundle", request, "--to", drive, "--from", folder, "--offline"),
        ("import", drive, "--to", there),
        ("who", "90001"),
    ):
        command = ["unshare", "-n", sys.executable, "-m", "aihub_desktop", "--home", here.home, "batch", *words]
        run = subprocess.run(list(map(str, command)), capture_output=True, check=False, timeout=60)
        assert run.returncode == 0, run.stderr.decode()
    holds(there, FILES)


def test_requests_of_many_files_are_read_and_written(here: Here, there: Path, tmp_path: Path) -> None:
    line = Entry("x", "0" * 64, 1, "aihub", "90001", False, "1", "x")
    many = [msgspec.structs.replace(line, place=f"d/{n}", key=str(n)) for n in range(3000)]
    (there / "d").mkdir()
    for one in many:
        (there / one.place).write_bytes(b"x")
    Ledger(there).record(many)
    request = here.request(there, tmp_path)
    assert len(request.read_bytes().splitlines()) == 3001
    ended = here("batch", "who", "--add", request)
    assert ended.code == 0, ended.err
    assert here("batch", "who", "d/2999", "--json").records[0]["dataset"] == "90001"
