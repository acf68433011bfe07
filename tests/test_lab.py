"""Files of the hub from another machine of the lab, by real programs: `aihub serve` here, `aihub get --from` there."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from carrying import Here
from commandline import Aihub, ended
from engines import RunningEngine, final_files, manifest, offered, sha256
from loopback import Server, answer, says
from sharing_ground import TOKEN, Door, door

from aihub_desktop.demo.catalogue import DEMO_KEY, Catalogue
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import MAIN, MANY
from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import Secret
from aihub_desktop.domain.states import TransferState
from aihub_desktop.system.words import Words
from aihub_desktop.transport.ledger import Entry, Ledger

POSIX: Final = pytest.mark.skipif(sys.platform == "win32", reason="this system gives no such signals")
WITH: Final = {"AIHUB_LAB_TOKEN": TOKEN}
# Of the main dataset: two files that come in pieces, and small ones.
PICK: Final = ("101010", "101003", "101007", "101001", "101011", "101012", "101008")
SOME: Final = PICK[-3:]


def picked(catalogue: Catalogue) -> dict[str, bytes]:
    keys = keys_of(catalogue)
    return {name: data for name, data in offered(catalogue).items() if keys[name] in PICK}


def keys_of(catalogue: Catalogue) -> dict[str, str]:
    files = next(data for data in catalogue.datasets if data.key == MAIN).files
    return {file.path.replace(" ", "_"): file.key for file in files}


def streams(hub: DemoHub) -> list[str]:
    """Keys that the hub was asked to send."""
    return [key for seen in hub.requests if seen.host == "stream" for key in seen.file_keys]


def asked_for_downloads(hub: DemoHub) -> list[str]:
    return [seen.path for seen in hub.requests if seen.host == "stream" or "/down/" in seen.path]


def stocked(folder: Path, catalogue: Catalogue, dataset: str = MAIN, picked: Sequence[str] = ()) -> Path:
    """A library of these files, as if they had come from the hub."""
    entries = []
    for file in next(data for data in catalogue.datasets if data.key == dataset).files:
        if picked and file.key not in picked:
            continue
        place, data = file.path.replace(" ", "_"), catalogue.bytes_of(file.key)
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        known = {"key": file.key, "path": file.path, "proof": "length", "modified": path.stat().st_mtime_ns}
        entries.append(Entry(place, sha256(data), len(data), "aihub", dataset, **known))  # type: ignore[arg-type]
    Ledger(folder).record(entries)
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    """Not to be written to: tests take copies."""
    return stocked(tmp_path_factory.mktemp("lab") / "library", catalogue, MAIN, PICK)


@pytest.fixture
def other(tmp_path: Path, hub: DemoHub) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub.url)
    hub.requests.clear()
    yield made
    made.close()


@pytest.fixture
def lab(library: Path) -> Iterator[Door]:
    with door(library) as opened:
        yield opened


def check(folder: Path, right: dict[str, bytes]) -> None:
    assert final_files(folder) == right
    assert manifest(folder) == {name: sha256(data) for name, data in right.items()}


# ---- what the lab has comes from there ----


def test_the_hub_is_asked_for_no_download(
    other: Aihub, hub: DemoHub, lab: Door, folder: Path, catalogue: Catalogue
) -> None:
    run = other("get", MAIN, *PICK, "--from", lab.url, "--to", folder, "--json", **WITH)
    assert run.code == 0, run.err
    check(folder, picked(catalogue))
    assert asked_for_downloads(hub) == []
    assert not any(seen.key_sent for seen in hub.requests)
    files = [one for one in run.records if one["event"] == "file"]
    assert {(one["proof"], one["note"]) for one in files} == {("checksum", "sha-256")}
    entries = Ledger(folder).entries().values()
    assert {(one.source, one.dataset, one.key) for one in entries} == {("aihub", MAIN, key) for key in PICK}
    assert {one.note for one in entries} == {f"sha-256 {lab.url}"}
    assert TOKEN.encode() not in other.written() + (folder / ".aihub" / "log.jsonl").read_bytes()
    # The folder is complete for the hub, too: nothing is asked for again, by either.
    again = other("get", MAIN, *PICK, "--to", folder)
    assert (again.code, asked_for_downloads(hub)) == (0, [])
    verified = other("verify", folder)
    assert verified.code == 0
    assert f"received from {lab.url}" in verified.out + verified.err


def test_what_the_lab_lacks_comes_from_the_hub_in_the_same_run(
    other: Aihub, hub: DemoHub, library: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    folder = tmp_path / "target"
    right = picked(catalogue)
    some = tmp_path / "some"
    shutil.copytree(library, some)
    gone = sorted(right)[::3]
    for name in gone:
        (some / name).unlink()
    with door(some) as lab:
        run = other("get", MAIN, *PICK, "--from", lab.url, "--to", folder, **WITH)
    assert run.code == 0, run.err
    check(folder, right)
    keys = keys_of(catalogue)
    assert sorted(streams(hub)) == sorted(keys[name] for name in gone)
    assert f"{len(right) - len(gone)} files" in run.err
    assert "come from the hub" in run.err
    from_lab = [one for one in Ledger(folder).entries().values() if lab.url in one.note]
    assert len(from_lab) == len(right) - len(gone)


def test_many_small_files(other: Aihub, hub: DemoHub, tmp_path: Path, folder: Path, catalogue: Catalogue) -> None:
    with door(stocked(tmp_path / "many", catalogue, MANY)) as lab:
        run = other("get", MANY, "--from", lab.url, "--to", folder, **WITH)
        assert run.code == 0, run.err
    check(folder, offered(catalogue, MANY))
    assert asked_for_downloads(hub) == []


def test_another_release_is_not_taken(
    other: Aihub, hub: DemoHub, library: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    """A file with the right key and path, but of a size that the hub's list does not allow."""
    folder = tmp_path / "target"
    old = tmp_path / "old"
    shutil.copytree(library, old)
    ledger = Ledger(old)
    entry = max(ledger.entries().values(), key=lambda one: one.size or 0)
    (old / entry.place).write_bytes(b"an older release")
    state = (old / entry.place).stat()
    changes = {"sha256": sha256(b"an older release"), "size": state.st_size, "modified": state.st_mtime_ns}
    ledger.record([type(entry)(**{**{name: getattr(entry, name) for name in entry.__struct_fields__}, **changes})])
    with door(old) as lab:
        run = other("get", MAIN, *PICK, "--from", lab.url, "--to", folder, **WITH)
    assert run.code == 0, run.err
    check(folder, picked(catalogue))
    assert streams(hub) == [entry.key]
    assert "1 file at" in run.err
    assert "another release" in run.err


def test_other_bytes_than_the_lab_said_are_not_taken(
    other: Aihub, hub: DemoHub, library: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    """Of the right length and with the right time: only their hash tells."""
    some, folder = tmp_path / "some", tmp_path / "target"
    shutil.copytree(library, some)
    name = next(name for name, key in keys_of(catalogue).items() if key == SOME[0])
    state = (some / name).stat()
    (some / name).write_bytes(bytes(state.st_size))
    os.utime(some / name, ns=(state.st_mtime_ns,) * 2)
    with door(some) as lab:
        words = ("get", MAIN, *SOME, "--from", lab.url, "--to", folder)
        only = other(*words, "--only-from", **WITH)
        assert (only.code, asked_for_downloads(hub)) == (1, []), only.err
        assert sorted(final_files(folder)) == sorted(
            place for place, key in keys_of(catalogue).items() if key in SOME and place != name
        )
        run = other(*words, **WITH)
    assert run.code == 0, run.err
    check(folder, {place: data for place, data in picked(catalogue).items() if keys_of(catalogue)[place] in SOME})
    assert streams(hub) == [SOME[0]]


def test_a_list_that_is_none_is_not_laid_at_the_hub_s_door(other: Aihub, folder: Path) -> None:
    with Server(says(answer(b'[{"place": 1}]'))) as lab:
        run = other("get", MAIN, *SOME, "--from", lab.url, "--only-from", "--to", folder, **WITH)
    assert run.code == 5
    assert Words("en").problem(Problem(Code.WRONG_ANSWER, {"why": "no-list"})).title in run.err


def test_a_plan_says_what_comes_from_where(other: Aihub, lab: Door, folder: Path) -> None:
    run = other("get", MAIN, *PICK, "--from", lab.url, "--to", folder, "--dry-run", **WITH)
    assert run.code == 0
    assert f"come from {lab.url}" in run.out
    assert not final_files(folder)


# ---- nobody but the lab ----


def test_only_from_the_lab_without_a_hub_or_a_key(
    tmp_path: Path, lab: Door, folder: Path, catalogue: Catalogue
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with contextlib.closing(Aihub(tmp_path / "home", nowhere)) as other:
            words = ("get", MAIN, *PICK, "--from", lab.url, "--only-from", "--to", folder)
            run = other(*words, AIHUB_APIKEY="", **WITH)
            assert run.code == 0, run.err
            check(folder, picked(catalogue))
            silent.settimeout(0.0)
            with pytest.raises(BlockingIOError):
                silent.accept()
            some = other(*words, "no-such-key", AIHUB_APIKEY="", **WITH)
            assert some.code == 1
            none = other("get", "12345", *words[-5:], AIHUB_APIKEY="", **WITH)
            assert none.code == 1


def test_a_hub_that_is_away_leaves_what_the_lab_has(
    tmp_path: Path, lab: Door, folder: Path, catalogue: Catalogue
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with contextlib.closing(Aihub(tmp_path / "home", nowhere)) as other:
        run = other("get", MAIN, *PICK, "--from", lab.url, "--to", folder, AIHUB_APIKEY="", **WITH)
        assert run.code == 0, run.err
        assert "The hub cannot be asked" in run.err
        check(folder, picked(catalogue))


def test_a_lab_that_is_away_or_refuses(other: Aihub, hub: DemoHub, lab: Door, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        away = f"http://127.0.0.1:{closed.getsockname()[1]}"
    cases = ((away, TOKEN, 5, "ko"), (lab.url, "a-wrong-token-000000", 3, "en"), (lab.url, "", 3, "ko"))
    for address, token, code, language in cases:
        words = ("--lang", language, "get", MAIN, SOME[0], "--from", address, "--to", folder)
        only = other(*words, "--only-from", AIHUB_LAB_TOKEN=token)
        assert (only.code, asked_for_downloads(hub)) == (code, []), only.err
        if not token:
            continue  # to the rest it is as a wrong one
        run = other(*words, AIHUB_LAB_TOKEN=token)
        assert run.code == 0, run.err
        assert address in run.err
        assert len(streams(hub)) == 1
        hub.requests.clear()
        shutil.rmtree(folder)


def test_without_a_key_the_rest_cannot_come(
    other: Aihub, hub: DemoHub, library: Path, tmp_path: Path, folder: Path
) -> None:
    some = tmp_path / "some"
    shutil.copytree(library, some)
    next(path for path in sorted(some.rglob("*.zip"))).unlink()
    with door(some) as lab:
        run = other("get", MAIN, *PICK, "--from", lab.url, "--to", folder, AIHUB_APIKEY="", **WITH)
    assert run.code == 3
    assert asked_for_downloads(hub) == []


# ---- nobody hears what is not for them ----


class _Recorder(http.server.BaseHTTPRequestHandler):
    heard: list[dict[str, str]]
    leads_to = ""

    def do_GET(self) -> None:
        self.heard.append(dict(self.headers.items()))
        self.send_response(302 if self.leads_to else 404)
        if self.leads_to:
            self.send_header("Location", self.leads_to + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def recorder(leads_to: str = "") -> Iterator[tuple[str, list[dict[str, str]]]]:
    heard: list[dict[str, str]] = []
    handler = type("Handler", (_Recorder,), {"heard": heard, "leads_to": leads_to})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heard
        server.shutdown()


def test_a_redirect_gets_no_token_and_the_lab_no_key(other: Aihub, folder: Path) -> None:
    with recorder() as (elsewhere, led), recorder(elsewhere) as (address, heard):
        run = other("get", MAIN, *PICK, "--from", address, "--only-from", "--to", folder, **WITH)
    assert run.code == 5
    assert led == []
    assert [one["authorization"] for one in heard] == [f"Bearer {TOKEN}"]
    assert DEMO_KEY not in json.dumps(heard)
    assert not any(name.lower() == "apikey" for one in heard for name in one)


def test_a_proxy_hears_nothing_of_the_lab(other: Aihub, hub: DemoHub, lab: Door, folder: Path) -> None:
    """127.1 is loopback to the system alone, so any other request to it would go by the proxy."""
    address = f"http://127.1:{lab.port}"
    with recorder() as (proxy, heard):
        run = other("get", MAIN, *SOME, "--from", address, "--to", folder, http_proxy=proxy, no_proxy="", **WITH)
        assert (run.code, heard) == (0, []), run.err
        other("fetch", f"{address}/x", "--to", folder, "--patience", "0.1", http_proxy=proxy, no_proxy="")
        assert heard
    assert asked_for_downloads(hub) == []


# ---- the lab dies ----


@contextlib.contextmanager
def serving(aihub: Aihub, library: Path, *words: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`aihub serve` as a process, and its address."""
    process = aihub.start("serve", library, "--port", "0", *words, AIHUB_LAB_TOKEN=TOKEN)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(rb"http://127\.0\.0\.1:[0-9]+", line):
            break
    else:
        raise AssertionError("it never said where it is")
    drain = threading.Thread(target=process.stderr.read, daemon=True)
    drain.start()
    try:
        yield process, found[0].decode()
    finally:
        process.kill()
        process.wait()
        drain.join()
        process.stderr.close()
        if process.stdout is not None:
            process.stdout.close()


@POSIX
def test_a_lab_that_dies_in_the_middle(
    other: Aihub, hub: DemoHub, library: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    """The machine is killed while its files come; the rest comes from the hub, and every byte is right."""
    folder = tmp_path / "target"
    with (
        contextlib.closing(Aihub(tmp_path / "serving", hub.url)) as machine,
        serving(machine, library) as (process, address),
    ):
        run = other.start("get", MAIN, *PICK, "--from", address, "--to", folder, "--limit", "4M", AIHUB_LAB_TOKEN=TOKEN)
        deadline = threading.Event()
        while not any(path.stat().st_size for path in folder.rglob("*.part")) and run.poll() is None:
            assert not deadline.wait(0.01)
        process.kill()
        told = ended(run)
    assert told.code == 0, told.err
    check(folder, picked(catalogue))
    assert streams(hub)
    assert "come from the hub" in told.err or "comes from the hub" in told.err


def test_only_from_a_lab_that_dies_and_comes_back(
    other: Aihub, hub: DemoHub, library: Path, folder: Path, catalogue: Catalogue
) -> None:
    """What came stays; nothing of it comes again."""
    keys = ("101007", "101001", "101003")
    words = ("--only-from", "--to", folder, "--json")
    slowly = ("--connections", "1", "--limit", "100K", "--patience", "0.5")
    with door(library) as lab:
        run = other.start("get", MAIN, *keys, "--from", lab.url, *words, *slowly, AIHUB_LAB_TOKEN=TOKEN)
        lab.wait_for(2)  # the list, and all of the first file, at which the other side still reads
    told = ended(run)
    assert told.code == 5, told.err
    first = next(one for one in told.records if one.get("file_key") == keys[0])
    assert first["state"] == "done"
    with door(library, port=lab.port) as lab:
        again = other("get", MAIN, *keys, "--from", lab.url, *words, **WITH)
        assert again.code == 0, again.err
        served = [one.target for one in lab.heard]
    assert [target for target in served if "TL_02" in target] == []
    check(folder, {name: data for name, data in picked(catalogue).items() if keys_of(catalogue)[name] in keys})
    assert asked_for_downloads(hub) == []


def test_a_file_that_changed_at_the_lab_comes_from_the_hub(
    hub: DemoHub, library: Path, tmp_path: Path, catalogue: Catalogue
) -> None:
    """Between its list and the download: what is no more what was told of it is not taken, nor are other files lost."""
    some, target = tmp_path / "some", tmp_path / "target"
    shutil.copytree(library, some)
    target.mkdir()
    with door(some) as lab, RunningEngine(tmp_path / "home", hub.url) as running:
        running.ask(m.SetKey(running.engine.number(), Secret(DEMO_KEY), for_run=True), m.KeyState)
        asked = m.AskLab(running.engine.number(), lab.url, MAIN, Secret(TOKEN))
        files = [file for file in running.ask(asked, m.FileList).files if file.key in PICK]
        victim = max(files, key=lambda file: file.size.high)
        place = some / victim.path.replace(" ", "_")
        place.write_bytes(bytes(place.stat().st_size))
        listing = running.ask(m.ListFiles(running.engine.number(), MAIN), m.FileList)
        added = m.Add(running.engine.number(), listing.dataset, files, str(target))
        transfer = running.ask(added, m.Added).transfer
        row = running.wait_for(transfer, TransferState.DONE, TransferState.FAILED, TransferState.NEEDS_USER)
        assert row.state is TransferState.DONE, row
    check(target, picked(catalogue))
    assert streams(hub) == [victim.key]


def test_a_queue_that_is_taken_up_without_the_token(
    hub: DemoHub, lab: Door, tmp_path: Path, catalogue: Catalogue
) -> None:
    """As by the window, later: nobody knows the token any more, so the hub gives the rest."""
    target = tmp_path / "target"
    target.mkdir()
    home = tmp_path / "home"
    with RunningEngine(home, hub.url) as running:
        asked = m.AskLab(running.engine.number(), lab.url, MAIN, Secret(TOKEN))
        files = [file for file in running.ask(asked, m.FileList).files if file.key in PICK]
        listing = running.ask(m.ListFiles(running.engine.number(), MAIN), m.FileList)
        added = m.Add(running.engine.number(), listing.dataset, files, str(target))
        running.ask(added, m.Added)
        running.ask(m.Pause(running.engine.number()), type(None))
    with RunningEngine(home, hub.url) as running:
        running.ask(m.SetKey(running.engine.number(), Secret(DEMO_KEY), for_run=True), m.KeyState)
        transfer = next(event for event in iter(lambda: running.engine.get(5.0), None) if isinstance(event, m.Snapshot))
        running.ask(m.Resume(running.engine.number()), type(None))
        running.wait_for(transfer.transfers[0].id, TransferState.DONE)
    check(target, picked(catalogue))


# ---- what was said wrong ----


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("get", MAIN, *PICK, "--to", "x", "--only-from"), 2),
        (("get", MAIN, *PICK, "--to", "x", "--token-file", "f"), 2),
        (("get", MAIN, *PICK, "--to", "x", "--from", "ftp://lab"), 2),
        (("get", MAIN, *PICK, "--to", "x", "--from", "http://lab/below"), 2),
        (("get", MAIN, *PICK, "--to", "x", "--from", "http://name:pass@lab"), 2),
        (("get", MAIN, *PICK, "--to", "x", "--from", "http://lab", "--token-file", "no-such-file"), 2),
        (("serve", "no-such-folder"), 1),
        (("serve", "."), 1),
        (("serve", ".", "--port", "70000"), 2),
        (("serve", ".", "--port", "-1"), 2),
        (("lab", "add", "http://lab/x", "--stdin"), 2),
        (("lab", "add", "http://lab"), 2),
    ],
)
def test_bad_words(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    language = ("ko", "en")[len(" ".join(words)) % 2]
    run = Here(tmp_path / "home")("--lang", language, *words)
    assert run.code == code, run.err
    assert run.err
    assert "Traceback" not in run.err


def test_tokens_in_the_keychain(tmp_path: Path, hub: DemoHub, lab: Door) -> None:
    """Here is none; that it keeps what it is given is for the tests of the keychain."""
    with contextlib.closing(Aihub(tmp_path / "home", hub.url)) as aihub:
        wrong = aihub("lab", "add", lab.url, "--stdin", given="a-wrong-token-000000\n")
        assert (wrong.code, "does not accept the token" in wrong.err) == (3, True)
        right = aihub("lab", "add", f"127.0.0.1:{lab.port}", "--stdin", given=f"{TOKEN}\n")
        assert (right.code, "keychain" in right.err) == (3, True)
        assert [one.status for one in lab.wait_for(2)] == [401, 200]
        odd = aihub("lab", "add", lab.url, "--stdin", given="short\n")
        assert odd.code == 2
        listed = aihub("lab", "list")
        assert (listed.code, listed.out) == (0, "")
        assert aihub("lab", "remove", lab.url).code == 0
        assert TOKEN.encode() not in aihub.written()


@POSIX
def test_serve_says_what_a_person_should_know(tmp_path: Path, hub: DemoHub, library: Path) -> None:
    log = tmp_path / "requests.log"
    with contextlib.closing(Aihub(tmp_path / "home", hub.url)) as aihub:
        process = aihub.start("serve", library, "--port", "0", "--log", log)
        assert process.stderr is not None
        said = ""
        while "Ctrl-C" not in said:
            said += process.stderr.readline().decode()
        token = said.split("whoever may read:")[-1] if "whoever may read:" in said else said
        token = next(line.strip() for line in token.splitlines() if line.startswith("  "))
        address = re.search(r"http://127\.0\.0\.1:[0-9]+", said)
        assert address is not None
        assert "own approval" in said
        assert "not encrypted" not in said  # nobody else can reach it
        done = subprocess.run(
            ["curl", "-sS", "-H", f"Authorization: Bearer {token}", f"{address[0]}/files.json?token={token}"],
            capture_output=True, check=True, timeout=20,
        )  # fmt: skip
        assert len(json.loads(done.stdout)) == len(final_files(library))
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, b"")
        assert b"Sharing has ended: 1 request answered" in rest
        assert (aihub.home / "lab-token").read_text().strip() == token
        assert (aihub.home / "lab-token").stat().st_mode & 0o777 == 0o600
        lines = log.read_text(encoding="utf-8")
        assert "GET /files.json 200" in lines
        assert token not in lines
        with socket.create_server(("127.0.0.1", 0)) as held:
            taken = aihub("serve", library, "--port", str(held.getsockname()[1]))
        assert taken.code == 2
        assert token not in taken.err  # it is shown once
        (aihub.home / "lab-token").chmod(0o644)
        loose = aihub("serve", library, "--port", "0")
        assert loose.code == 2
        assert "chmod 600" in loose.err


def test_a_wish_for_another_lab_counts_anew(tmp_path: Path, hub: DemoHub, lab: Door) -> None:
    with RunningEngine(tmp_path / "home", hub.url) as running:
        with pytest.raises(ProblemError) as caught:
            running.ask(m.AskLab(running.engine.number(), lab.url, MAIN, Secret("another-token-00000")), m.FileList)
        assert caught.value.problem.code is Code.NO_ACCESS
        assert running.ask(m.AskLab(running.engine.number(), lab.url, MAIN, Secret(TOKEN)), m.FileList).files
        assert running.ask(m.AskLab(running.engine.number(), lab.url, MAIN), m.FileList).files  # as given before
        for bad in ("ftp://x", "", "http://lab/below"):
            with pytest.raises(ProblemError) as caught:
                running.ask(m.AskLab(running.engine.number(), bad, MAIN), m.FileList)
            assert caught.value.problem.code is Code.BAD_COMMAND
