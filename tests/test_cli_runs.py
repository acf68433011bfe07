"""The main job by the command line: real runs against the demo hub, every byte compared."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import PROGRAM, Aihub, Run, cut_power, ended
from engines import final_files, manifest, offered, sha256

from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.content import noise
from aihub_desktop.demo.faults import Refuse, Slow, Stall
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import CP949, MAIN, MANY, ODD_NAMES, PACKAGE, SPLIT
from aihub_desktop.domain.names import JOURNAL

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such signals")


@pytest.fixture
def aihub(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    yield made
    made.close()


def check(folder: Path, right: dict[str, bytes]) -> None:
    """Exactly these files with exactly these bytes, each in the manifest, and nothing left over."""
    found = final_files(folder)
    assert {name: sha256(data) for name, data in found.items()} == {name: sha256(data) for name, data in right.items()}
    assert manifest(folder) == {name: sha256(data) for name, data in right.items()}
    assert not [path for path in folder.rglob("*") if path.name.endswith((".part", JOURNAL))]


# Lists.


def test_datasets(aihub: Aihub, catalogue: Catalogue) -> None:
    run = aihub("datasets", "--json")
    assert (run.code, run.err) == (0, "")
    assert run.records == [{"key": data.key, "title": data.title} for data in catalogue.datasets] + [
        {"key": data.key, "title": data.title, "package": True} for data in catalogue.packages
    ]
    found = aihub("datasets", "음성", "연령대별")
    assert (found.code, found.out) == (0, "90014  한국어 안부 인사 음성, 연령대별\n")
    none = aihub("datasets", "no such thing", lang="ko")
    assert (none.code, none.out) == (0, "")
    assert none.err


def test_datasets_from_the_last_copy(aihub: Aihub, hub: DemoHub) -> None:
    fresh = aihub("datasets")
    hub.stop()
    old = aihub("datasets")
    assert (old.code, old.out) == (0, fresh.out)
    assert "copy of" in old.err
    assert "cannot be reached" in old.err


def test_files(aihub: Aihub, catalogue: Catalogue) -> None:
    run = aihub("files", MAIN, "--json")
    data = catalogue.dataset(MAIN)
    assert data is not None
    assert (run.code, run.err) == (0, "")
    assert [(one["file_key"], one["path"]) for one in run.records] == [(file.key, file.path) for file in data.files]
    for one, file in zip(run.records, data.files, strict=True):
        assert list(one) == ["file_key", "path", "size_shown", "size_min", "size_max"]
        assert one["size_min"] <= file.content.size <= one["size_max"]
        assert one["size_shown"].split()[1] in ("Byte", "KB", "MB", "GB")
    drawn = aihub("files", MAIN)
    assert drawn.code == 0
    assert all(f"{file.key} " in drawn.out and file.path.split("/")[-1] in drawn.out for file in data.files)
    assert f"{len(data.files)} files" in drawn.out.splitlines()[-1]
    assert "라벨 오류" in drawn.err


def test_a_package_is_told_from_a_dataset(aihub: Aihub, catalogue: Catalogue, folder: Path) -> None:
    package = catalogue.dataset(PACKAGE, package=True)
    assert package is not None
    assert [one["file_key"] for one in aihub("files", PACKAGE, "--package", "--json").records] == [
        file.key for file in package.files
    ]
    assert aihub("get", PACKAGE, "--package", "--to", folder).code == 0
    check(folder, {file.path.replace(" ", "_"): catalogue.bytes_of(file.key) for file in package.files})


# Downloads.


def test_a_whole_dataset(aihub: Aihub, catalogue: Catalogue, folder: Path) -> None:
    run = aihub("get", MAIN, "--to", folder, "--json")
    assert run.code == 0, run.err
    right = offered(catalogue, MAIN)
    check(folder, right)
    *files, end = run.records
    assert {one["path"]: (one["bytes"], one["sha256"]) for one in files} == {
        name: (len(data), sha256(data)) for name, data in right.items()
    }
    assert all(list(one) == ["event", "file_key", "path", "state", "bytes", "sha256"] for one in files)
    assert {(one["event"], one["state"]) for one in files} == {("file", "done")}
    assert list(end) == ["event", "done", "failed", "bytes", "received", "again", "again_because", "seconds"]
    assert (end["event"], end["done"], end["failed"]) == ("end", len(right), 0)
    assert end["bytes"] == sum(map(len, right.values()))
    assert end["received"] > end["bytes"]  # the tar has headers
    again = aihub("get", MAIN, "--to", folder, "--json")
    assert (again.code, again.end["done"], again.end["received"]) == (0, len(right), 0)
    if sums := shutil.which("sha256sum"):
        subprocess.run([sums, "--quiet", "-c", ".aihub/manifest-sha256.txt"], cwd=folder, check=True)
    verified = aihub("verify", folder)
    assert (verified.code, verified.out) == (0, f"All {len(right)} files are as they were received.\n")


@pytest.mark.parametrize("dataset", [SPLIT, CP949, MANY, ODD_NAMES])
def test_datasets_of_every_kind(aihub: Aihub, catalogue: Catalogue, folder: Path, dataset: str) -> None:
    run = aihub("get", dataset, "--to", folder, "--parallel", "2")
    assert run.code == 0, run.err
    check(folder, offered(catalogue, dataset))
    assert "parallel=4" in aihub("settings", "show").out


def test_by_file_key_and_pattern(aihub: Aihub, catalogue: Catalogue, folder: Path) -> None:
    right = offered(catalogue, MAIN)
    chosen = {name: data for name, data in right.items() if "/Training/" in name and "TL_01" not in name}
    words = ("get", MAIN, "--include", "Training/", "--exclude", "TL_01*", "--to", folder)
    assert aihub(*words).code == 0
    check(folder, chosen)
    data = catalogue.dataset(MAIN)
    assert data is not None
    key = next(file.key for file in data.files if file.path.endswith("v1.2.pdf"))
    assert aihub("get", MAIN, "--to", folder, key).code == 0
    check(folder, chosen | {name: right[name] for name in right if name.endswith("v1.2.pdf")})


def test_files_come_in_the_order_in_which_they_were_asked_for(
    aihub: Aihub, hub: DemoHub, catalogue: Catalogue, folder: Path
) -> None:
    data = catalogue.dataset(MAIN)
    assert data is not None
    aihub("settings", "set", "bundle_files=1", "parallel=1")
    keys = [file.key for file in data.files][:5]

    def asked(*words: str) -> list[str]:
        hub.requests.clear()
        aihub("get", MAIN, *words, "--to", folder)
        return [key for seen in hub.requests if seen.host == "stream" for key in seen.file_keys]

    refusal = hub.faults.add(Refuse(refusal=Refusal.EXPIRED))
    asked(*keys)
    hub.faults.remove(refusal)
    order = [keys[number] for number in (3, 0, 4, 1, 2)]
    assert asked(*order) == order, "also where they were asked for before in another one"
    assert asked(*keys) == []


def test_what_was_not_chosen_again_is_left_alone(
    aihub: Aihub, hub: DemoHub, catalogue: Catalogue, folder: Path
) -> None:
    data = catalogue.dataset(MAIN)
    assert data is not None
    small = next(file for file in data.files if file.path.endswith("구조.json"))
    slow = hub.faults.add(Slow(rate=200_000))
    begun = aihub.start("get", MAIN, "--to", folder)
    hub.requests.wait(lambda seen: sum(one.sent > 0 and one.host == "stream" for one in seen) > 1)
    cut_power(begun)
    hub.faults.remove(slow)
    hub.requests.clear()
    run = aihub("get", MAIN, small.key, "--to", folder)
    assert run.code == 0, run.err
    assert "not chosen this time" in run.err
    assert small.path.replace(" ", "_") in final_files(folder)
    rest = aihub("get", MAIN, "--to", folder)
    assert rest.code == 0, rest.err
    check(folder, offered(catalogue, MAIN))


def test_a_rehearsal_writes_nothing(aihub: Aihub, hub: DemoHub, tmp_path: Path) -> None:
    target = tmp_path / "not yet"
    run = aihub("get", MAIN, "--to", target, "--dry-run", "--json", "--include", "*.zip", AIHUB_APIKEY="")
    assert run.code == 0
    *files, plan = run.records
    assert plan["event"] == "plan"
    assert plan["files"] == len(files) == 8
    assert (plan["size_min"], plan["size_max"]) == (
        sum(one["size_min"] for one in files),
        sum(one["size_max"] for one in files),
    )
    assert 0 < plan["usable"] <= plan["free"]
    assert (plan["need_min"], plan["need_max"]) == (plan["size_min"], plan["size_max"])
    assert "free" in aihub("get", MAIN, "--to", target, "--dry-run").out
    assert not target.exists()
    assert not [seen for seen in hub.requests if "/down/" in seen.path]


def test_a_rehearsal_counts_what_is_still_to_come(aihub: Aihub, folder: Path) -> None:
    assert aihub("get", MAIN, "--to", folder, "--include", "*.zip").code == 0
    part, rest = (
        aihub("get", MAIN, "--to", folder, "--dry-run", "--json", *more).records[-1]
        for more in (("--include", "*.zip"), ())
    )
    assert (part["need_min"], part["need_max"]) == (0, 0)
    assert rest["need_max"] == rest["size_max"] - part["size_max"]
    # What must stay free is counted as the queue counts it.
    aihub("settings", "set", f"floor_bytes={1 << 50}")
    kept = aihub("get", MAIN, "--to", folder, "--dry-run", "--json").records[-1]
    assert kept["usable"] < rest["usable"]


# Interruptions.

LARGE = Catalogue.of({f"큰 파일/{name}.bin": noise(9 << 20, seed) for seed, name in enumerate("가나")})


@pytest.fixture
def large_hub() -> Iterator[DemoHub]:
    with DemoHub(LARGE, piece_size=1 << 20) as started:
        yield started


@pytest.fixture
def downloader(tmp_path: Path, large_hub: DemoHub) -> Iterator[Aihub]:
    """`aihub` over the large files, which waits where they stall."""
    made = Aihub(tmp_path / "home", large_hub.url, stall_seconds=60.0)
    yield made
    made.close()


def begin(aihub: Aihub, hub: DemoHub, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A `get` of which 4 MiB of each file came, and nothing more will."""
    stall = hub.faults.add(Stall(after=4 << 20))
    begun = aihub.start("get", "90001", "--to", folder, "--json", *words)
    assert stall.reached.wait(30)
    hub.requests.wait(lambda seen: sum(one.sent > 3 << 20 for one in seen) == 2)
    wait_for_journals(folder)
    return begun


def wait_for_journals(folder: Path) -> None:
    """Until each journal claims at least 3 MiB; ended by the test's own time limit."""
    while True:
        claimed = [sum(stop - start for start, stop in pieces) for pieces in durable(folder).values()]
        if len(claimed) == 2 and min(claimed) >= 3 << 20:
            return


def durable(folder: Path) -> dict[str, list[tuple[int, int]]]:
    """What the journals claim: for each part file the pieces that are safe."""
    claimed = {}
    for journal in folder.rglob(f"*{JOURNAL}"):
        lines = [json.loads(line[9:]) for line in journal.read_bytes().split(b"\n")[:-1]]
        pieces = [(line["start"], line["stop"]) for line in lines if "start" in line]
        claimed[journal.name.removesuffix(".journal")] = pieces
    return claimed


@POSIX
def test_kill_9_and_the_same_command(downloader: Aihub, large_hub: DemoHub, folder: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    cut_power(begin(downloader, large_hub, folder))
    large_hub.faults.clear()
    safe = durable(folder)
    assert not final_files(folder)
    log = tmp_path / "writes"
    before = (strace, "-f", "-qq", "-y", "-e", "trace=pwrite64", "-s", "0", "-o", str(log)) if strace else ()
    run = ended(downloader.start("get", "90001", "--to", folder, "--json", before=before))
    assert run.code == 0, run.err
    check(folder, offered(LARGE, "90001"))
    if strace is not None:
        written = [write for write in writes(log.read_text()) if write[0] in safe]
        assert {name for name, _, _ in written} == set(safe)
        for name, offset, stop in written:
            assert all(stop <= piece[0] or piece[1] <= offset for piece in safe[name]), (name, offset, stop)


def writes(log: str) -> Iterator[tuple[str, int, int]]:
    """(name of the file, first byte, byte after the last) of each write that strace saw."""
    lines = re.finditer(r"pwrite64\(\d+<(.*)>, .*, \d+, (\d+)(?:\)| <unfinished).*?(?:= (\d+))?$", log, re.MULTILINE)
    for path, offset, count in (line.groups() for line in lines):
        name = path.encode().decode("unicode_escape").encode("latin-1").decode().rpartition("/")[2]
        yield name, int(offset), int(offset) + int(count or 1)


@POSIX
@pytest.mark.parametrize(("number", "language"), [(signal.SIGINT, "ko"), (signal.SIGTERM, "en")])
def test_an_interruption_keeps_what_came(
    downloader: Aihub, large_hub: DemoHub, folder: Path, number: signal.Signals, language: str
) -> None:
    begun = begin(downloader, large_hub, folder, "--lang", language)
    os.kill(begun.pid, number)
    run = ended(begun)
    assert run.code == 130
    assert {"ko": "같은 명령", "en": "same command"}[language] in run.err
    assert "Traceback" not in run.err
    assert (run.end["done"], run.end["failed"]) == (0, 0)
    assert run.end["received"] > 6 << 20
    assert {"ko": "다시 받게 됩니다", "en": "will be received again"}[language] in run.err
    safe = durable(folder)
    assert [sum(stop - start for start, stop in pieces) > 3 << 20 for pieces in safe.values()] == [True, True]
    large_hub.faults.clear()
    large_hub.faults.add(Slow(rate=5 << 20))  # so that what passes by is seen passing
    whole_week = ("--limit", "900M", "--hours", "mon-sun 0-24")
    again = downloader("get", "90001", "--to", folder, "--json", *whole_week, "--lang", language)
    assert again.code == 0
    check(folder, offered(LARGE, "90001"))
    assert 0 < again.end["again"] <= again.end["received"]
    assert again.end["again_because"] == ["stopped"]
    assert {"ko": "다시 받음", "en": "of which"}[language] in again.err
    assert "limit=0" in downloader("settings", "show").out.splitlines()


def test_a_second_run_is_refused_while_one_works(downloader: Aihub, large_hub: DemoHub, folder: Path) -> None:
    begun = begin(downloader, large_hub, folder)
    second = downloader("get", "90001", "--to", folder)
    assert second.code == 3
    assert f"already running (process {begun.pid})" in second.err
    large_hub.faults.clear()
    assert ended(begun).code == 0
    check(folder, offered(LARGE, "90001"))


# Verification.


def test_verify_finds_what_changed(aihub: Aihub, folder: Path) -> None:
    assert (
        aihub("get", MAIN, "--include", "*.json", "--include", "*.pdf", "--include", "*.csv", "--to", folder).code == 0
    )
    json_file, pdf, csv = (next(folder.rglob(f"*.{kind}")) for kind in ("json", "pdf", "csv"))
    data = bytearray(csv.read_bytes())
    data[7] ^= 1
    csv.write_bytes(data)
    pdf.unlink()
    (folder / "내 메모.txt").write_text("mine")
    run = aihub("verify", folder)
    assert run.code == 1
    assert f"Changed: {csv.relative_to(folder).as_posix()}" in run.out
    assert f"Missing: {pdf.relative_to(folder).as_posix()}" in run.out
    assert "Not in the list: 내 메모.txt" in run.err
    assert "2 of 3 files" in run.out
    found = {one["path"]: one["state"] for one in aihub("verify", folder, "--json").records[:-1]}
    assert found == {
        csv.relative_to(folder).as_posix(): "changed",
        pdf.relative_to(folder).as_posix(): "missing",
        json_file.relative_to(folder).as_posix(): "ok",
        "내 메모.txt": "extra",
    }
    repaired = aihub("get", MAIN, "--include", "*.pdf", "--to", folder)
    assert repaired.code == 0, repaired.err
    assert pdf.is_file()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_verify_without_a_manifest(aihub: Aihub, tmp_path: Path, language: str) -> None:
    run = aihub("verify", tmp_path, AIHUB_LANG=language)
    assert run.code == 2
    assert ".aihub/manifest-sha256.txt" in run.err


# Streams.


@pytest.mark.skipif(bool(PROGRAM) and sys.platform == "win32", reason="a frozen program has its system's code page")
@pytest.mark.parametrize("encoding", ["cp949", "cp1252", "ascii"])
def test_narrow_consoles_never_decide_the_exit_code(aihub: Aihub, folder: Path, encoding: str) -> None:
    narrow = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "", "AIHUB_LANG": "ko"}
    listed = aihub("files", ODD_NAMES, **narrow)
    assert (listed.code, listed.err) == (0, "")
    shown = listed.raw.decode(encoding)
    assert "\\u" in shown
    assert ("앞 뒤 빈칸.csv" in shown) == (encoding == "cp949")
    got = aihub("get", ODD_NAMES, "--to", folder, "--include", "*평가*", "--json", **narrow)
    assert got.code == 0
    assert got.records[0]["path"].endswith("대화·발화_–_단위_•_평가.zip")  # JSON is UTF-8 whatever the console
    assert aihub("key", "frobnicate", **narrow).code == 2


@POSIX
def test_a_reader_that_goes_away_is_no_error(aihub: Aihub, folder: Path) -> None:
    for words in (("files", MANY), ("get", MANY, "--to", folder, "--json")):
        begun = aihub.start(*words)
        assert begun.stdout is not None
        assert begun.stdout.readline()
        begun.stdout.close()
        begun.stdout = None
        run = ended(begun)
        assert run.code == 0
        assert "Traceback" not in run.err
        assert "BrokenPipe" not in run.err


@POSIX
def test_on_a_terminal(aihub: Aihub, hub: DemoHub, catalogue: Catalogue, folder: Path) -> None:
    """The picture is drawn, goes away, and what stays is the verdict."""
    if sys.platform == "win32":
        return
    import pty  # noqa: PLC0415 - not on Windows

    hub.faults.add(Slow(rate=12 << 20))
    master, slave = pty.openpty()
    with subprocess.Popen(
        aihub.command("get", MAIN, "--to", folder),
        stdin=slave, stdout=slave, stderr=slave, env=aihub.environment(TERM="xterm-256color", COLUMNS="80"),
    ) as begun:  # fmt: skip
        os.close(slave)
        seen = b""
        try:
            while part := os.read(master, 1 << 16):
                seen += part
        except OSError:
            pass  # Linux tells the end of a terminal so
        os.close(master)
        code = begun.wait(30)
    text = seen.decode()
    assert code == 0, text
    assert re.search(r"\d/13 files · .* of about", text)
    assert "13 files received and verified" in text
    assert text.rindex("List of SHA-256") > text.rindex("13 files received")
    check(folder, offered(catalogue, MAIN))


# Key, settings, demo.


def test_keys_and_settings(aihub: Aihub) -> None:
    shown = aihub("key", "show")
    assert shown.code == 0
    assert shown.out.startswith(f"{DEMO_KEY[:4]}…{DEMO_KEY[-2:]}")
    assert DEMO_KEY not in shown.out + shown.err
    assert aihub("key", "test").code == 0
    assert aihub("settings", "set", "parallel=7", "backoff_first=0.5").code == 0
    assert {"parallel=7", "backoff_first=0.5"} <= set(aihub("settings", "show").out.splitlines())
    assert aihub("settings", "set", "limit=2M", "hours=Mon-Fri 19-7, sat-sun", "floor_bytes=1.5G").code == 0
    kept = aihub("settings", "show").out.splitlines()
    assert {"limit=2M", "hours=Mon-Fri 19-7, sat-sun", "floor_bytes=1536M"} <= set(kept)
    assert aihub("settings", "set", *(line for line in kept if not line.startswith("folder="))).code == 0
    assert aihub("settings", "set", "limit=none", "hours=always").code == 0
    assert {"limit=0", "hours="} <= set(aihub("settings", "show").out.splitlines())
    bad_settings = ("parallel=0", "parallel=x", "nothing=1", "parallel", "__init__=1", "limit=2X", "hours=mon 25")
    for bad in bad_settings:
        refused = aihub("settings", "set", bad)
        assert refused.code == 2
        assert bad in refused.err
    assert "parallel=7" in aihub("settings", "show").out


@pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon"))),
    reason="needs Linux with dbus-run-session and gnome-keyring-daemon",
)
def test_a_key_in_the_keychain(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    script = """
        printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        "$@" key show && exit 90
        printf '%s\\n' "$GIVEN" | "$@" key set --stdin
        "$@" key show
        "$@" key test
        "$@" get 90003 --to "$TARGET" --include '*.csv'
        "$@" key clear
        "$@" key show || exit $((100 + $?))
    """
    env = aihub.environment(
        AIHUB_APIKEY="", PYTHON_KEYRING_BACKEND="", HOME=str(tmp_path), XDG_RUNTIME_DIR=str(runtime),
        XDG_DATA_HOME=str(tmp_path / "data"), GIVEN=DEMO_KEY, TARGET=str(folder),
    )  # fmt: skip
    run = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", script, "bash", *aihub.command()],
        capture_output=True, text=True, timeout=60, env=env, check=False,
    )  # fmt: skip
    assert run.returncode == 103, run.stderr
    assert run.stdout.startswith("de30…00 (system's keychain)\nAI Hub accepts the key: de30…00\n1 file received")
    assert run.stderr.count("There is no API key") == 2
    assert DEMO_KEY not in run.stdout + run.stderr
    assert DEMO_KEY.encode() not in aihub.written()


def test_the_demo(aihub: Aihub, catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    run = aihub("demo", "--cli", "--to", folder, AIHUB_APIKEY="")
    assert run.code == 0, run.err
    check(folder, offered(catalogue, MAIN))
    assert str(folder) in run.out.splitlines()[-1]
    assert "received and verified twice" in run.out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows always has a display")
def test_the_demo_without_a_window_that_opens(aihub: Aihub, folder: Path) -> None:
    """A display that leads nowhere: the demo says so and goes on at the command line."""
    run = aihub("demo", "--to", folder, DISPLAY=":987", QT_QPA_PLATFORM="no-such-platform")
    assert run.code == 0, run.err
    assert "window could not be opened" in run.err
    assert "received and verified twice" in run.out


@POSIX
def test_the_demo_hub_alone(aihub: Aihub, folder: Path, tmp_path: Path) -> None:
    served = aihub.start("demo", "--serve")
    assert served.stdout is not None
    given = dict(served.stdout.readline().decode().strip().split("=", 1) for _ in range(2))
    try:
        run = aihub("get", CP949, "--to", folder, "--include", "*.csv", **given)
        assert run.code == 0, run.err
    finally:
        os.kill(served.pid, signal.SIGINT)
    assert ended(served).code == 0


def test_an_engine_for_a_window(aihub: Aihub) -> None:
    run = aihub("engine", "--home", aihub.home, "--api-url", aihub.hub, given="")
    assert run.code == 0, run.err
    assert (run.records[0]["event"], run.records[0]["hub"]) == ("snapshot", aihub.hub)
    assert (aihub.home / "logs").is_dir()
    refused = aihub("engine", "--home", aihub.home, "--api-url", "http://example.org", given="")
    assert refused.code == 1
    assert [(one["event"], one["problem"]["code"], one["fatal"]) for one in refused.records] == [
        ("notice", "insecure", True)
    ]


def test_versions_and_empty_words(aihub: Aihub) -> None:
    assert re.fullmatch(r"aihub \d+\.\d+\.\d+\n", aihub("--version").out)
    nothing = aihub()
    assert nothing.code == 2
    assert "COMMAND" in nothing.err
    assert isinstance(nothing, Run)
