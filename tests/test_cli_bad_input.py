"""What bad input gets: its own message in both languages, its exit code, and nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Aihub, Run
from engines import final_files, offered

from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.faults import Answer, Cut, Place, Refuse, Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import EXPIRED, HIDDEN, MAIN, NOT_APPROVED
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.system.words import LANGUAGES, Words

OTHER_KEY = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
SMALL = Catalogue.of(
    {"자료/가.csv": noise(40_000, 1), "자료/나 다.csv": noise(50_000, 2), "자료/라.bin": noise(9 << 20, 3)}
)
BOTH = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    yield made
    made.close()


@pytest.fixture
def small_hub() -> Iterator[DemoHub]:
    with DemoHub(SMALL, piece_size=1 << 16) as started:
        yield started


@pytest.fixture
def small(tmp_path: Path, small_hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", small_hub.url)
    yield made
    made.close()


def told(run: Run, code: Code, language: str) -> None:
    """The run said what happened and what to do, in its language, and nothing like a traceback or a key."""
    words = Words(language)
    bare = words.problem(Problem(code))
    opened = bare.title.split("(")[0].strip()
    assert opened in run.err, run.err
    assert bare.advice.split("http")[0][:60].strip() in run.err, run.err
    assert "Traceback" not in run.err
    assert not {DEMO_KEY, OTHER_KEY} & set((run.err + run.out).split())


def downloads(hub: DemoHub) -> int:
    return sum("/down/" in seen.path for seen in hub.requests)


# Key and approval: the user must act.


@BOTH
def test_no_key(aihub: Aihub, hub: DemoHub, folder: Path, language: str) -> None:
    run = aihub("get", MAIN, "--to", folder, "--json", AIHUB_APIKEY="", AIHUB_LANG=language)
    assert run.code == 3
    told(run, Code.NO_KEY, language)
    assert (run.end["done"], run.end["received"]) == (0, 0)
    assert not list(hub.requests)
    assert not list(folder.iterdir())
    for action in ("show", "test"):
        again = aihub("key", action, AIHUB_APIKEY="", AIHUB_LANG=language)
        assert again.code == 3
        told(again, Code.NO_KEY, language)


@BOTH
def test_wrong_key(aihub: Aihub, folder: Path, language: str) -> None:
    run = aihub("get", MAIN, "--to", folder, AIHUB_APIKEY=OTHER_KEY, AIHUB_LANG=language)
    assert run.code == 3
    told(run, Code.KEY_REJECTED, language)
    assert not final_files(folder)
    tested = aihub("key", "test", AIHUB_APIKEY=OTHER_KEY, AIHUB_LANG=language)
    assert tested.code == 3
    told(tested, Code.KEY_REJECTED, language)
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()) + aihub.written()
    assert OTHER_KEY.encode() not in left
    assert DEMO_KEY.encode() not in left


@BOTH
def test_a_hub_that_says_nothing_of_the_key(aihub: Aihub, hub: DemoHub, language: str) -> None:
    hub.faults.add(Answer(at=Place.KEY))
    run = aihub("key", "test", AIHUB_LANG=language)
    assert run.code == 5
    assert Words(language).say("cli.key.unclear") in run.err


@BOTH
@pytest.mark.parametrize(
    "case",
    [
        (Refusal.NOT_APPROVED, Code.NOT_APPROVED), (Refusal.EXPIRED, Code.APPROVAL_EXPIRED),
        (Refusal.ABROAD, Code.ABROAD), (Refusal.OUTDATED, Code.API_OUTDATED),
    ],
    ids=lambda case: case[1],
)  # fmt: skip
def test_refusals_lose_nothing(
    small: Aihub, small_hub: DemoHub, folder: Path, case: tuple[Refusal, Code], language: str
) -> None:
    """Half of it came, then the hub refuses; once that is settled, the same command goes on from there."""
    assert small("get", "90001", "100001", "--to", folder).code == 0
    refusal, code = case
    small_hub.faults.add(Refuse(refusal=refusal))
    run = small("get", "90001", "--to", folder, "--lang", language)
    assert run.code == 3
    told(run, code, language)
    assert set(final_files(folder)) == {"자료/가.csv"}
    small_hub.faults.clear()
    small_hub.requests.clear()
    assert small("get", "90001", "--to", folder).code == 0
    assert final_files(folder) == offered(SMALL)
    assert not any("100001" in seen.file_keys for seen in small_hub.requests)


@pytest.mark.parametrize(
    ("dataset", "code"),
    [(NOT_APPROVED, Code.NOT_APPROVED), (EXPIRED, Code.APPROVAL_EXPIRED), (HIDDEN, Code.FORBIDDEN)],
)
def test_what_the_account_may_not_have(aihub: Aihub, folder: Path, dataset: str, code: Code) -> None:
    run = aihub("get", dataset, "--to", folder)
    assert run.code == 3
    told(run, code, "en")
    assert f"dataSetSn={dataset}" in run.err


# What the hub does not have.


@BOTH
def test_unknown_dataset(aihub: Aihub, folder: Path, language: str) -> None:
    for words in (("get", "123456", "--to", str(folder)), ("files", "123456")):
        run = aihub(*words, AIHUB_LANG=language)
        assert run.code == 1
        told(run, Code.UNKNOWN_DATASET, language)
        assert "123456" in run.err


@BOTH
def test_unknown_file_key(aihub: Aihub, hub: DemoHub, folder: Path, language: str) -> None:
    run = aihub("get", MAIN, "101001", "777", "888", "--to", folder, AIHUB_LANG=language)
    assert run.code == 1
    told(run, Code.UNKNOWN_FILE, language)
    assert "777" in run.err
    assert "888" in run.err
    assert downloads(hub) == 0
    assert not list(folder.iterdir())


@BOTH
def test_nothing_fits(aihub: Aihub, hub: DemoHub, folder: Path, language: str) -> None:
    run = aihub("get", MAIN, "--include", "*.no-such", "--to", folder, AIHUB_LANG=language)
    assert run.code == 2
    assert Words(language).say("cli.get.no-match") in run.err
    assert downloads(hub) == 0


# The hub and the way to it.


@BOTH
def test_hub_out_of_reach(aihub: Aihub, hub: DemoHub, folder: Path, language: str) -> None:
    hub.stop()
    for words in (("get", MAIN, "--to", str(folder)), ("files", MAIN), ("datasets",), ("key", "test")):
        run = aihub(*words, AIHUB_LANG=language)
        assert run.code == 5, run.err
        told(run, Code.UNREACHABLE, language)


@BOTH
def test_hub_lost_on_the_way(small: Aihub, small_hub: DemoHub, folder: Path, language: str) -> None:
    """What came before the loss stands; the run gives up after its patience, and goes on when the hub is back."""
    small_hub.faults.add(Cut(after=3 << 20, keys=frozenset({"100003"})))
    run = small("get", "90001", "--to", folder, "--patience", "1.5", "--lang", language, "--json")
    assert run.code == 5, run.err
    told(run, Code.CUT, language)
    assert (run.end["done"], run.end["failed"]) == (2, 1)
    failed = next(one for one in run.records if one.get("state") == "failed")
    assert failed["path"] == "자료/라.bin"
    assert failed["bytes"] > 2 << 20
    assert failed["path"] in run.err
    small_hub.faults.clear()
    assert small("get", "90001", "--to", folder).code == 0
    assert final_files(folder) == offered(SMALL)


@BOTH
def test_a_page_instead_of_a_tar(small: Aihub, small_hub: DemoHub, folder: Path, language: str) -> None:
    small_hub.faults.add(Answer())
    run = small("get", "90001", "--to", folder, "--patience", "1", "--lang", language)
    assert run.code == 5, run.err
    told(run, Code.NOT_A_TAR, language)
    assert not final_files(folder)
    assert all(path.stat().st_size < 1000 for path in folder.rglob("*") if path.is_file())
    small_hub.faults.clear()
    assert small("get", "90001", "--to", folder).code == 0
    assert final_files(folder) == offered(SMALL)


@BOTH
def test_a_page_instead_of_a_list(aihub: Aihub, hub: DemoHub, language: str) -> None:
    hub.faults.add(Answer(at=Place.TREE))
    run = aihub("files", MAIN, AIHUB_LANG=language)
    assert run.code == 5
    told(run, Code.BAD_ANSWER, language)


@BOTH
@pytest.mark.parametrize("address", ["http://api.aihub.or.kr", "api.aihub.or.kr"])
def test_an_address_without_encryption(aihub: Aihub, language: str, address: str) -> None:
    run = aihub("datasets", "--api-url", address, AIHUB_LANG=language)
    assert run.code == 2
    told(run, Code.INSECURE, language)


# The disk.


@BOTH
def test_target_not_writable(aihub: Aihub, hub: DemoHub, tmp_path: Path, language: str) -> None:
    (tmp_path / "a file").write_text("kept")
    run = aihub("get", MAIN, "--to", tmp_path / "a file" / "below", AIHUB_LANG=language)
    assert run.code == 4
    told(run, Code.NOT_WRITABLE, language)
    assert downloads(hub) == 0
    assert (tmp_path / "a file").read_text() == "kept"


@BOTH
def test_a_file_in_the_way(small: Aihub, folder: Path, language: str) -> None:
    mine = folder / "자료" / "나_다.csv"
    mine.parent.mkdir()
    mine.write_text("mine")
    run = small("get", "90001", "--to", folder, "--lang", language, "--json")
    assert run.code == 4
    told(run, Code.IN_THE_WAY, language)
    assert (run.end["done"], run.end["failed"]) == (2, 1)
    assert mine.read_text() == "mine"
    right = offered(SMALL)
    assert final_files(folder) == right | {"자료/나_다.csv": b"mine"}
    mine.rename(folder / "mine.csv")
    assert small("get", "90001", "--to", folder).code == 0
    assert final_files(folder) == right | {"mine.csv": b"mine"}


def on_small_disk(small: Aihub, tmp_path: Path, size: str, script: str, **variables: str) -> Path:
    """Runs `script` with "$@" for `aihub` and "$TARGET" for a disk of `size`; the path that "$LOG" begins with."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("a disk of a few MiB needs Linux and unshare")
    if subprocess.run(["unshare", "-Urm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a mount of his own")
    target, log = tmp_path / "small disk", tmp_path / "log"
    target.mkdir()
    run = subprocess.run(
        ["unshare", "-Urm", "bash", "-ec", f'mount -t tmpfs -o size={size} tmpfs "$TARGET"\n{script}', "bash",
         *small.command()],
        env=small.environment(TARGET=str(target), LOG=str(log), PATH=os.environ["PATH"], **variables),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return log


def first_run(log: Path) -> Run:
    return Run(int(Path(f"{log}.code").read_text()), b"", Path(f"{log}.first").read_text(encoding="utf-8"))


def arrived(log: Path) -> bool:
    right = {name.rpartition("/")[2]: data for name, data in offered(SMALL).items()}
    return {path.name: path.read_bytes() for path in Path(f"{log}.files").iterdir()} == right


@BOTH
def test_disk_full_in_the_middle(small: Aihub, small_hub: DemoHub, tmp_path: Path, language: str) -> None:
    """What came stays, and once there is room the same command goes on."""
    small("settings", "set", "mark_bytes=262144")
    small_hub.faults.add(Slow(rate=3 << 20))
    script = """
        "$@" get 90001 --to "$TARGET" --lang "$LANGUAGE" 2>"$LOG.first" &
        until [ -s "$TARGET/자료/라.bin.part.journal" ]; do sleep 0.02; done
        head -c 20M /dev/zero >"$TARGET/ballast" 2>/dev/null || true
        code=0; wait $! || code=$?
        echo "$code" >"$LOG.code"
        ls "$TARGET/자료" >"$LOG.there"
        rm "$TARGET/ballast"
        "$@" get 90001 --to "$TARGET" --json >"$LOG.second"
        cp -r "$TARGET/자료" "$LOG.files"
    """
    log = on_small_disk(small, tmp_path, "16m", script, LANGUAGE=language)
    first = first_run(log)
    assert first.code == 4
    told(first, Code.DISK_FULL, language)
    there = set(Path(f"{log}.there").read_text(encoding="utf-8").split())
    assert {"라.bin.part", "라.bin.part.journal"} <= there
    assert arrived(log)


@BOTH
def test_a_disk_that_is_too_small_is_told_before_the_first_byte(
    small: Aihub, small_hub: DemoHub, tmp_path: Path, language: str
) -> None:
    script = """
        code=0; "$@" get 90001 --to "$TARGET" --lang "$LANGUAGE" 2>"$LOG.first" || code=$?
        echo "$code" >"$LOG.code"
        ls "$TARGET" >"$LOG.there"
        "$@" get 90001 --to "$TARGET" --dry-run >/dev/null 2>&1 || echo $? >"$LOG.rehearsal"
        mount -o remount,size=40m "$TARGET"
        "$@" get 90001 --to "$TARGET" --json >"$LOG.second"
        cp -r "$TARGET/자료" "$LOG.files"
    """
    log = on_small_disk(small, tmp_path, "4m", script, LANGUAGE=language)
    first = first_run(log)
    assert first.code == 4
    title = Words(language).problem(Problem(Code.NO_ROOM, {"need": 1})).title.split(":")[0]
    assert title in first.err
    assert Path(f"{log}.there").read_text() == ""
    assert Path(f"{log}.rehearsal").read_text().strip() == "4"
    assert arrived(log)
    assert downloads(small_hub) <= len(offered(SMALL))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere arguments and names are text")
@BOTH
def test_bytes_that_are_no_text(small: Aihub, small_hub: DemoHub, tmp_path: Path, language: str) -> None:
    """Names of another encoding could be neither stored nor sent: refused where they enter, and nothing is made."""
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xb0\xa1")
    shown = Words(language).say("cli.usage.not-text", value=f"{tmp_path}/\\xb0\\xa1")
    for words in (("get", "90001", "--to", odd), ("get", odd, "--to", "d"), ("verify", odd), ("--home", odd, "files")):
        run = small(*words, AIHUB_LANG=language)
        assert (run.code, run.out) == (2, "")
        assert shown in run.err
        assert "Traceback" not in run.err
    assert not os.path.exists(odd)
    # Nor does a folder below such a one do, however it is named.
    os.mkdir(odd)
    here = subprocess.run(
        small.command("get", "90001", "--to", "below"), cwd=odd, capture_output=True, check=False,
        env=small.environment(AIHUB_LANG=language, PYTHONPATH=os.getcwd()),
    )  # fmt: skip
    assert here.returncode == 2
    assert Words(language).say("cli.usage.not-text", value=f"{tmp_path}/\\xb0\\xa1/below") in here.stderr.decode()
    assert not os.listdir(odd)
    assert not list(small_hub.requests)


def test_a_stray_name_that_is_no_text_does_not_end_a_verification(small: Aihub, folder: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere names are text")
    assert small("get", "90001", "100001", "--to", folder).code == 0
    (folder / os.fsdecode(b"\xb0\xa1.txt")).write_bytes(b"cp949")
    run = small("verify", folder, "--json")
    assert run.code == 0, run.err
    assert [one["path"] for one in run.records if one.get("state") == "extra"] == ["\\udcb0\\udca1.txt"]


# Keys that are none, and no place for them.


@BOTH
def test_keys_that_cannot_be_kept(aihub: Aihub, language: str) -> None:
    words = Words(language)
    for given in ("", "1234\n", f"{OTHER_KEY}x\n"):
        run = aihub("key", "set", "--stdin", given=given, AIHUB_LANG=language, AIHUB_APIKEY="")
        assert run.code == 2
        assert words.say("cli.key.odd") in run.err
        assert given.strip() == "" or given.strip() not in run.err
    asked = aihub("key", "set", AIHUB_LANG=language, AIHUB_APIKEY="")
    assert asked.code == 2
    assert words.say("cli.key.no-terminal") in asked.err
    none = aihub("key", "set", "--stdin", given=f"{OTHER_KEY}\n", AIHUB_LANG=language, AIHUB_APIKEY="")
    assert none.code == 3
    told(none, Code.KEYCHAIN_NONE, language)
    assert OTHER_KEY.encode() not in aihub.written()
    clear = aihub("key", "clear", AIHUB_LANG=language, AIHUB_APIKEY="")
    assert clear.code == 3
    told(clear, Code.KEYCHAIN_NONE, language)


# Our own state.


@BOTH
def test_a_state_folder_that_cannot_be(aihub: Aihub, tmp_path: Path, language: str) -> None:
    (tmp_path / "file").write_text("x")
    run = aihub("datasets", "--home", tmp_path / "file", AIHUB_LANG=language)
    assert run.code == 4
    told(run, Code.NOT_WRITABLE, language)


@BOTH
def test_a_queue_that_cannot_be_read(small: Aihub, folder: Path, language: str) -> None:
    """A lost database loses no bytes: with it out of the way the same command finds all on disk."""
    assert small("get", "90001", "--to", folder).code == 0
    for path in small.home.glob("queue.sqlite*"):
        path.unlink()
    (small.home / "queue.sqlite").write_bytes(b"no database at all" * 1000)
    run = small("get", "90001", "--to", folder, "--lang", language)
    assert run.code == 4
    told(run, Code.STORE_BROKEN, language)
    (small.home / "queue.sqlite").unlink()
    again = small("get", "90001", "--to", folder, "--json")
    assert (again.code, again.end["done"], again.end["received"]) == (0, 3, 0)
