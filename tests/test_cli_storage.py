"""`aihub storage` and `aihub fetch s3://…` against a real object storage."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from commandline import Aihub, Run
from engines import final_files, manifest, sha256
from loopback import Server, answer
from objects import Writer
from servers import ACCESS_KEY, SECRET_KEY, Storage

from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.system.words import Words

BUCKET: Final = "command-line"
FILES: Final = {
    "set/a.bin": random.Random(1).randbytes(3_000_000),
    "set/하위 폴더/b c.bin": random.Random(2).randbytes(70_000),
    "set/empty.bin": b"",
    "other/d.bin": b"d",
    "top.bin": b"top",
}
KEYS: Final = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AIHUB_APIKEY": ""}


@pytest.fixture(scope="module")
def filled(seaweed_storage: Storage) -> Storage:
    with Writer(seaweed_storage) as writer:
        writer.make_bucket(BUCKET)
        for key, body in FILES.items():
            writer.put(BUCKET, key, body)
        for number in range(1005):  # more than a page
            writer.put(BUCKET, f"many/{number:04}", b"x")
    return seaweed_storage


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub, no_profiles: None) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url, piece_bytes=1 << 20)
    yield made
    assert not list(hub.requests)  # no command here has any business with it
    made.close()


def fetch(aihub: Aihub, storage: Storage, *words: str | Path, **variables: str) -> Run:
    return aihub("fetch", *words, "--endpoint", storage.endpoint, "--json", **{**KEYS, **variables})


def test_a_storage_that_leads_round_in_a_circle_is_listed_once(aihub: Aihub) -> None:
    def script(connection: socket.socket, head: bytes) -> None:
        following = "b" if b"token=a" in head else "a"
        row = "<Contents><Key>k</Key><Size>1</Size></Contents>"
        rows = f"<NextContinuationToken>{following}</NextContinuationToken>{row}"
        page = f"<ListBucketResult><KeyCount>1</KeyCount><IsTruncated>true</IsTruncated>{rows}</ListBucketResult>"
        connection.sendall(answer(page.encode()))

    with Server(script) as server:
        run = aihub("storage", "ls", f"s3://{BUCKET}/", "--endpoint", server.url, "--anonymous", "--json")
        assert (run.code, len(run.out.splitlines())) == (0, 3)


def test_one_object(aihub: Aihub, filled: Storage, folder: Path) -> None:
    run = fetch(aihub, filled, f"s3://{BUCKET}/set/a.bin", "--to", folder)
    assert run.code == 0, run.err
    assert final_files(folder) == {"a.bin": FILES["set/a.bin"]}
    assert manifest(folder) == {"a.bin": sha256(FILES["set/a.bin"])}
    file = run.records[-2]
    assert (file["file_key"], file["proof"]) == ("set/a.bin", "checksum")
    words = Words("en")
    assert words.say("cli.proof", n=1, text=words.proof("checksum", file["note"])) in run.err


def test_everything_below_a_prefix(aihub: Aihub, filled: Storage, folder: Path) -> None:
    run = fetch(aihub, filled, f"s3://{BUCKET}/set/", "--to", folder)
    assert run.code == 0, run.err
    right = {key.removeprefix("set/").replace(" ", "_"): body for key, body in FILES.items() if key.startswith("set/")}
    assert final_files(folder) == right
    assert run.end["done"] == 3
    again = fetch(aihub, filled, f"s3://{BUCKET}/set/", "--to", folder)
    assert (again.code, again.end["done"], again.end["received"]) == (0, 3, 0)


def test_many_objects(aihub: Aihub, filled: Storage, folder: Path) -> None:
    run = fetch(aihub, filled, f"s3://{BUCKET}/many/", "--to", folder)
    assert run.code == 0, run.err
    assert (len(final_files(folder)), run.end["done"]) == (1005, 1005)


def test_a_name_and_a_checksum_of_ones_own(aihub: Aihub, filled: Storage, folder: Path) -> None:
    body = FILES["set/a.bin"]
    words = (f"s3://{BUCKET}/set/a.bin", "--out", "x/y.bin", "--checksum", f"sha256:{sha256(body)}", "--to", folder)
    run = fetch(aihub, filled, *words)
    assert run.code == 0, run.err
    assert final_files(folder) == {"x/y.bin": body}
    assert run.records[-2]["note"] == "sha-256"


def test_what_is_not_there(aihub: Aihub, filled: Storage, folder: Path) -> None:
    addresses = (f"s3://{BUCKET}/no-such", f"s3://{BUCKET}/none/", "s3://no-such-bucket/x", f"s3://{BUCKET}/set")
    run = fetch(aihub, filled, *addresses, f"s3://{BUCKET}/top.bin", "--to", folder)
    assert run.code == 1, run.err
    assert final_files(folder) == {"top.bin": FILES["top.bin"]}
    assert [one["wanted"] for one in run.records if one["event"] == "refused"] == list(addresses)
    assert run.err.count(Words("en").problem(Problem(Code.NOT_THERE)).advice) == 1
    assert Words("en").say("cli.fetch.folder", address=f"s3://{BUCKET}/set/") in run.err


def test_wrong_keys(aihub: Aihub, filled: Storage, folder: Path) -> None:
    run = fetch(aihub, filled, f"s3://{BUCKET}/top.bin", "--to", folder, AWS_SECRET_ACCESS_KEY="hunter2hunter2")
    assert run.code == 3, run.err
    assert Words("en").problem(Problem(Code.NO_ACCESS)).advice in run.err
    assert "hunter2" not in run.err + run.out
    assert not final_files(folder)
    none = fetch(
        aihub, filled, f"s3://{BUCKET}/top.bin", "--to", folder, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY=""
    )
    assert none.code == 3, none.err


def test_storages_and_the_web_in_one_run(aihub: Aihub, filled: Storage, folder: Path) -> None:
    """Each is a transfer of its own; the run counts them together."""
    gone = "http://127.0.0.1:9/x.bin"
    words = (f"s3://{BUCKET}/top.bin", f"s3://{BUCKET}/other/d.bin", gone, "--to", folder, "--patience", "1")
    run = fetch(aihub, filled, *words)
    assert run.code == 5, run.err
    assert final_files(folder) == {"top.bin": b"top", "d.bin": b"d"}
    assert (run.end["done"], run.end["failed"]) == (2, 1)


def test_browsing(aihub: Aihub, filled: Storage) -> None:
    assert aihub("storage", "ls", "--endpoint", filled.endpoint, **KEYS).out.splitlines()[0].strip() == f"{BUCKET}/"
    below = aihub("storage", "ls", f"s3://{BUCKET}", "--endpoint", filled.endpoint, **KEYS)
    assert below.code == 0, below.err
    assert [line.split() for line in below.out.splitlines()] == [
        ["many/"], ["other/"], ["set/"], ["3", "B", "top.bin"],
    ]  # fmt: skip
    inside = aihub("storage", "ls", f"s3://{BUCKET}/set", "--endpoint", filled.endpoint, "--json", **KEYS)
    assert inside.records[0] == {"folder": f"s3://{BUCKET}/set/하위 폴더/"}
    sizes = {one["object"]: one["size"] for one in inside.records[1:]}
    assert sizes == {f"s3://{BUCKET}/set/a.bin": 3_000_000, f"s3://{BUCKET}/set/empty.bin": 0}
    many = aihub("storage", "ls", f"s3://{BUCKET}/many/", "--endpoint", filled.endpoint, "--json", **KEYS)
    assert len(many.records) == 1005
    nothing = aihub("storage", "ls", f"s3://{BUCKET}/none/", "--endpoint", filled.endpoint, **KEYS)
    assert (nothing.code, nothing.out) == (0, "")
    assert Words("en").say("cli.storage.empty") in nothing.err


def test_a_storage_that_was_added_is_the_one_that_is_meant(aihub: Aihub, filled: Storage, folder: Path) -> None:
    added = aihub("storage", "add", filled.endpoint, "--name", "lab", "--profile", "", **KEYS)
    assert added.code == 0, added.err
    listed = aihub("storage", "list", "--json", **KEYS)
    (one,) = listed.records
    assert (one["endpoint"], one["name"], one["access"]) == (filled.endpoint, "lab", "profile")
    assert "lab" in aihub("storage", "list", **KEYS).out
    run = aihub("fetch", f"s3://{BUCKET}/top.bin", "--to", folder, **KEYS)
    assert run.code == 0, run.err
    assert aihub("storage", "remove", "lab", **KEYS).code == 0
    assert not aihub("storage", "list", "--json", **KEYS).records


def test_what_is_said_for_one_run_is_not_kept(aihub: Aihub, filled: Storage, folder: Path) -> None:
    assert aihub("storage", "add", filled.endpoint, "--name", "lab", "--profile", "", **KEYS).code == 0
    before = aihub("storage", "list", "--json", **KEYS).records
    anonymous = fetch(aihub, filled, f"s3://{BUCKET}/top.bin", "--anonymous", "--to", folder)
    assert anonymous.code == 3, anonymous.err
    region = fetch(aihub, filled, f"s3://{BUCKET}/top.bin", "--region", "kr-1", "--style", "path", "--to", folder)
    assert region.code == 0, region.err
    assert aihub("storage", "list", "--json", **KEYS).records == before


def test_a_broken_object_comes_again(aihub: Aihub, filled: Storage, folder: Path) -> None:
    assert fetch(aihub, filled, f"s3://{BUCKET}/set/", "--to", folder).code == 0
    right = final_files(folder)
    broken = folder / "a.bin"
    broken.write_bytes(FILES["set/a.bin"][:-1] + b"\0")
    (folder / "하위_폴더/b_c.bin").unlink()
    run = aihub("repair", folder, "--yes", "--json", **KEYS)
    assert run.code == 0, run.err
    assert final_files(folder) == right
    assert {record["proof"] for record in run.records if record["event"] == "file"} == {"checksum"}
    assert aihub("verify", folder, "--quick", **KEYS).code == 0
    assert aihub("repair", folder, "--yes", "--json", **KEYS).end["done"] == 0
