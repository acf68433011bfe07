"""`aihub fetch` against a real web server: what comes onto disk, what is said of it, and what a script gets to read."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from commandline import Aihub, ended
from engines import RunningEngine, children, final_files, manifest, sha256

from aihub_desktop.domain import messages as m
from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.model import WEB, Dataset
from aihub_desktop.domain.states import TransferState
from aihub_desktop.system.words import LANGUAGES, Words

BOTH: Final = pytest.mark.parametrize("language", LANGUAGES)
_UP_SECONDS: Final = 10.0
_NGINX: Final = """
{user}daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1; events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log; sendfile on; default_type application/octet-stream; keepalive_requests 100000;
  limit_conn_zone $server_name zone=all:1m; limit_conn_status 429;
  client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
  uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
  server {{
    listen 127.0.0.1:{port}; root {root};
    location /slow/ {{ alias {root}/; limit_rate 1m; }}
    location /crowded/ {{ alias {root}/; limit_conn all 2; limit_rate 4m; }}
    location /named {{
      add_header Content-Disposition "attachment; filename*=UTF-8''%EA%B0%80%20b.zip"; alias {root}/a.zip;
    }}
    location /unranged/ {{ alias {root}/; max_ranges 0; }}
    location /denied {{ return 403; }}
    location /broken {{ return 500; }}
    location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A web server that is up. `root` is what it shows, `log` what it was asked."""

    url: str
    root: Path
    log: Path

    def put(self, name: str, data: bytes) -> bytes:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def asked(self) -> list[str]:
        return self.log.read_text().splitlines()


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("not installed: nginx")
    folder, root = tmp_path / "nginx", tmp_path / "site"
    folder.mkdir()
    root.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    # Else its worker could not read what the tests made.
    user = "user root; " if sys.platform != "win32" and os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(user=user, folder=folder, root=root, port=port))
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [program, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stdin=subprocess.DEVNULL, stderr=errors
        )
    try:
        _await(port, process)
        yield Site(f"http://127.0.0.1:{port}", root, folder / "access.log")
    finally:
        process.terminate()
        process.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _UP_SECONDS
    while True:
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
                asked.request("GET", "/")
                asked.getresponse().read()
                return
        except (OSError, http.client.HTTPException):
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@pytest.fixture
def hub_address() -> Iterator[str]:
    """A hub that hears everything and answers nothing: no command here has any business with it."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        door.setblocking(False)
        with pytest.raises(BlockingIOError):
            door.accept()


@pytest.fixture
def aihub(tmp_path: Path, hub_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aihub]:
    monkeypatch.delenv("AIHUB_APIKEY", raising=False)
    made = Aihub(tmp_path / "home", hub_address, piece_bytes=1 << 20)
    yield made
    made.close()


KEYLESS: Final = {"AIHUB_APIKEY": ""}


def test_one_file_is_verified_with_neither_key_nor_hub(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("a.zip.bin", noise(5_000_000, 1))
    run = aihub("fetch", f"{site.url}/a.zip.bin", "--to", folder, **KEYLESS)
    assert run.code == 0, run.err
    assert final_files(folder) == {"a.zip.bin": data}
    assert manifest(folder) == {"a.zip.bin": sha256(data)}
    words = Words("en")
    assert words.proof("length") in run.out  # the server gives no checksum, and nothing more is claimed
    assert aihub("verify", folder, **KEYLESS).code == 0
    # Once more: nothing is received again.
    again = aihub("fetch", f"{site.url}/a.zip.bin", "--to", folder, "--json", **KEYLESS)
    assert (again.code, again.end["done"], again.end["received"]) == (0, 1, 0)


def test_what_a_script_reads(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("dir/b.bin", noise(3_000_000, 2))
    address = f"{site.url}/dir/b.bin"
    run = aihub("fetch", address, "--checksum", f"SHA256:{sha256(data)}", "--to", folder, "--json", **KEYLESS)
    assert run.code == 0, run.err
    file, end = run.records[-2:]
    assert (file["event"], file["path"], file["state"], file["bytes"]) == ("file", "b.bin", "done", 3_000_000)
    assert (file["file_key"], file["sha256"]) == (address, sha256(data))
    assert (file["proof"], file["note"]) == ("checksum", "sha-256")
    assert (end["event"], end["done"], end["failed"]) == ("end", 1, 0)
    # A piece that was cut anew while it came brings a little beyond its new end.
    assert 3_000_000 <= end["received"] < 4_000_000
    verified = aihub("verify", folder, "--json", **KEYLESS)
    assert [(one["proof"], one["note"]) for one in verified.records[:-1]] == [("checksum", "sha-256")]


@BOTH
def test_proofs_are_told_in_words(aihub: Aihub, site: Site, folder: Path, language: str) -> None:
    data = site.put("c.bin", noise(100_000, 3))
    value = hashlib.md5(data, usedforsecurity=False).hexdigest()
    words, own = Words(language), {**KEYLESS, "AIHUB_LANG": language}
    run = aihub("fetch", f"{site.url}/c.bin", "--checksum", f"md5:{value}", "--to", folder, **own)
    assert run.code == 0, run.err
    told = words.say("cli.proof", n=1, text=words.proof("checksum", "md5"))
    assert told in run.out
    verified = aihub("verify", folder, **own)
    assert told in verified.out


def test_a_wrong_checksum_gives_no_file(aihub: Aihub, site: Site, folder: Path) -> None:
    site.put("d.bin", noise(200_000, 4))
    run = aihub("fetch", f"{site.url}/d.bin", "--checksum", f"sha-256:{'0' * 64}", "--to", folder, "--json", **KEYLESS)
    assert run.code == 1, run.err
    assert not final_files(folder)
    assert (run.end["done"], run.end["failed"]) == (0, 1)
    titles = [Words("en").problem(Problem(code)).title for code in (Code.WRONG_CHECKSUM, Code.SOURCE_BROKEN)]
    assert any(title in run.err for title in titles)


def test_a_list_with_names_checksums_and_mirrors(aihub: Aihub, site: Site, folder: Path, tmp_path: Path) -> None:
    one, two = site.put("one.bin", noise(2_000_000, 5)), site.put("sub/two.bin", noise(10, 6))
    listed = tmp_path / "list"
    listed.write_text(
        "# a list\n"
        f"{site.url}/gone.bin\t{site.url}/one.bin\n  out=data/renamed.bin\n  checksum=sha-256={sha256(one)}\n"
        f"{site.url}/sub/two.bin\r\n",
        newline="",
    )
    run = aihub("fetch", "-i", listed, "--to", folder, "--json", **KEYLESS)
    assert run.code == 0, run.err
    assert final_files(folder) == {"data/renamed.bin": one, "two.bin": two}
    proofs = {record["path"]: record["proof"] for record in run.records if record["event"] == "file"}
    assert proofs == {"data/renamed.bin": "checksum", "two.bin": "length"}
    piped = aihub("fetch", "-i", "-", "--to", folder, "--json", given=listed.read_text(), **KEYLESS)
    assert (piped.code, piped.end["done"], piped.end["received"]) == (0, 2, 0)


@BOTH
def test_one_bad_address_keeps_none_of_the_others_back(aihub: Aihub, site: Site, folder: Path, language: str) -> None:
    data = site.put("e.bin", noise(50_000, 7))
    addresses = ("ftp://h/x", f"{site.url}/e.bin", f"{site.url}/no-such-file.bin")
    run = aihub("fetch", *addresses, "--to", folder, "--json", AIHUB_LANG=language, **KEYLESS)
    assert run.code == 1, run.err
    assert final_files(folder) == {"e.bin": data}
    assert (run.end["done"], run.end["failed"]) == (1, 2)
    words = Words(language)
    for code in (Code.BAD_ADDRESS, Code.NOT_THERE):
        assert words.problem(Problem(code)).title in run.err
        assert run.err.count(words.problem(Problem(code)).advice) == 1
    assert words.say("cli.get.partly", n=1, wanted=3, failed=2, bytes="", duration="").split(":")[0][:8] in run.err


def test_a_server_that_lets_nobody_in(aihub: Aihub, site: Site, folder: Path) -> None:
    run = aihub("fetch", f"{site.url}/denied", "--to", folder, **KEYLESS)
    assert run.code == 3, run.err
    assert Words("en").problem(Problem(Code.NO_ACCESS)).advice in run.err


def test_a_server_that_is_not_there(aihub: Aihub, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    run = aihub("fetch", f"http://127.0.0.1:{port}/x.bin", "--to", folder, "--patience", "1", **KEYLESS)
    assert run.code == 5, run.err
    title = Words("en").problem(Problem(Code.UNREACHABLE)).title
    assert title in run.err
    assert "AI Hub" not in run.err


def test_a_list_of_checksums_on_disk(aihub: Aihub, site: Site, folder: Path, tmp_path: Path) -> None:
    one, two = site.put("f.bin", noise(70_000, 8)), site.put("g.bin", noise(70_000, 9))
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{sha256(one)}  ./f.bin\nSHA256 (other.bin) = {sha256(two)}\n")
    run = aihub("fetch", f"{site.url}/f.bin", f"{site.url}/g.bin", "--sums", sums, "--to", folder, "--json", **KEYLESS)
    assert run.code == 0, run.err
    assert Words("en").say("cli.fetch.not-in-sums", n=1) in run.err
    proofs = {record["path"]: record["proof"] for record in run.records if record["event"] == "file"}
    assert proofs == {"f.bin": "checksum", "g.bin": "length"}
    sums.write_text(f"{sha256(two)}  h.bin\n")
    site.put("h.bin", one)
    wrong = aihub("fetch", f"{site.url}/h.bin", "--sums", sums, "--to", folder, **KEYLESS)
    assert wrong.code == 1, wrong.err
    assert "h.bin" not in final_files(folder)


def metalink(site: Site, data: bytes, *names: str) -> str:
    """Of one file, at these places of the site."""
    mirrors = "".join(f'<url priority="{place}">{site.url}/{name}</url>' for place, name in enumerate(names, 1))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<metalink xmlns="urn:ietf:params:xml:ns:metalink">\n'
        f'<file name="from/metalink.bin"><size>{len(data)}</size><hash type="sha-256">{sha256(data)}</hash>'
        f"{mirrors}</file></metalink>\n"
    )


@pytest.mark.parametrize("mirrors", [["i.bin"], ["gone.bin", "i.bin"]])
def test_a_metalink_on_disk_and_on_the_web(aihub: Aihub, site: Site, tmp_path: Path, mirrors: list[str]) -> None:
    data = site.put("i.bin", noise(1_500_000, 10))
    text = metalink(site, data, *mirrors)
    site.put("list.meta4", text.encode())
    (tmp_path / "목록 1.meta4").write_text(text)
    for number, place in enumerate((f"{site.url}/list.meta4", str(tmp_path / "목록 1.meta4"))):
        folder = tmp_path / f"to {number}"
        run = aihub("fetch", place, "--to", folder, "--json", **KEYLESS)
        assert run.code == 0, run.err
        assert final_files(folder) == {"from/metalink.bin": data}
        assert (run.records[-2]["proof"], run.records[-2]["note"]) == ("checksum", "sha-256")


@BOTH
def test_a_file_that_is_no_metalink(aihub: Aihub, folder: Path, tmp_path: Path, language: str) -> None:
    (tmp_path / "page.meta4").write_text("<html>not found</html>")
    run = aihub("fetch", tmp_path / "page.meta4", "--to", folder, AIHUB_LANG=language, **KEYLESS)
    assert run.code == 1, run.err
    assert Words(language).problem(Problem(Code.BAD_LIST)).advice in run.err
    assert "page.meta4" in run.err


def test_names_that_servers_give_are_made_safe(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("a.zip", b"PK\x05\x06" + bytes(18))
    run = aihub("fetch", f"{site.url}/named", f"{site.url}/moved/a.zip", "--to", folder, **KEYLESS)
    assert run.code == 0, run.err
    assert final_files(folder) == {"가_b.zip": data, "a.zip": data}


def test_a_name_of_ones_own(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("j.bin", noise(1000, 11))
    assert aihub("fetch", f"{site.url}/j.bin", "--out", "deep/er name.bin", "--to", folder, **KEYLESS).code == 0
    assert final_files(folder) == {"deep/er_name.bin": data}


def test_a_server_that_knows_no_ranges(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("k.bin", noise(4_000_000, 12))
    run = aihub("fetch", f"{site.url}/unranged/k.bin", "--to", folder, "--json", **KEYLESS)
    assert (run.code, final_files(folder)) == (0, {"k.bin": data})


def test_connections_are_as_many_as_were_allowed(aihub: Aihub, site: Site, folder: Path) -> None:
    site.put("l.bin", noise(8_000_000, 13))
    one = aihub("fetch", f"{site.url}/slow/l.bin", "--connections", "8", "--to", folder, "--json", **KEYLESS)
    assert one.code == 0, one.err
    assert one.end["seconds"] < 8.0  # one connection alone gets 1 MiB a second
    assert len([line for line in site.asked() if " 206 " in line]) > 1
    # For this run only.
    assert "connections=8" in aihub("settings", "show").out


def test_a_server_that_asks_for_fewer(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("m.bin", noise(9_000_000, 14))
    run = aihub("fetch", f"{site.url}/crowded/m.bin", "--connections", "8", "--to", folder, "--json", **KEYLESS)
    assert (run.code, final_files(folder)) == (0, {"m.bin": data}), run.err


def test_many_small_files(aihub: Aihub, site: Site, folder: Path) -> None:
    files = {f"n/{number:03}.bin": site.put(f"n/{number:03}.bin", noise(2000, number)) for number in range(300)}
    listed = "".join(f"{site.url}/{name}\n  out={name}\n" for name in files)
    run = aihub("fetch", "-i", "-", "--to", folder, "--json", given=listed, **KEYLESS)
    assert run.code == 0, run.err
    assert final_files(folder) == files
    assert (run.end["done"], run.end["received"]) == (300, 600_000)


def test_a_limit_holds(aihub: Aihub, site: Site, folder: Path) -> None:
    site.put("o.bin", noise(3_000_000, 15))
    run = aihub("fetch", f"{site.url}/o.bin", "--limit", "1M", "--to", folder, "--json", **KEYLESS)
    assert run.code == 0, run.err
    assert run.end["seconds"] > 1.5


def test_a_rehearsal_writes_nothing(aihub: Aihub, site: Site, folder: Path) -> None:
    site.put("p.bin", noise(1234, 16))
    run = aihub("fetch", f"{site.url}/p.bin", "ftp://h/x", "--dry-run", "--to", folder, "--json", **KEYLESS)
    assert run.code == 1, run.err
    refused, file, plan = run.records
    assert (refused["event"], refused["wanted"]) == ("refused", "ftp://h/x")
    assert file["path"] == "p.bin"
    assert (plan["event"], plan["files"]) == ("plan", 1)
    assert not list(folder.iterdir())
    told = aihub("fetch", f"{site.url}/p.bin", "--dry-run", "--to", folder, **KEYLESS)
    assert (told.code, "p.bin" in told.out) == (0, True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no polite signal for a process of another console")
def test_an_interrupted_run_goes_on_from_there(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("q.bin", noise(12_000_000, 17))
    words = ("fetch", f"{site.url}/slow/q.bin", "--connections", "2", "--to", folder, "--json")
    process = aihub.start(*words, AIHUB_APIKEY="")
    deadline = time.monotonic() + 30
    part = folder / "q.bin.part"
    while not (part.is_file() and part.stat().st_size > 500_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    first = ended(process)
    assert first.code == 130, first.err
    assert Words("en").say("cli.get.go-on") in first.err
    assert "AI Hub" not in first.err  # nothing has to be received again, so nothing is said of it
    second = aihub("fetch", f"{site.url}/slow/q.bin", "--connections", "8", "--to", folder, "--json", **KEYLESS)
    assert (second.code, final_files(folder)) == (0, {"q.bin": data}), second.err
    assert first.end["received"] > 0
    assert first.end["received"] + second.end["received"] <= len(data) + 2 * (1 << 20)


def test_what_is_not_named_this_time_is_set_aside(aihub: Aihub, site: Site, folder: Path) -> None:
    site.put("r.bin", noise(20_000_000, 18))
    data = site.put("s.bin", noise(1000, 19))
    # It gives up at once, and stays in the queue unfinished.
    process = aihub.start("fetch", f"{site.url}/slow/r.bin", "--to", folder, AIHUB_APIKEY="")
    deadline = time.monotonic() + 30
    while not (folder / "r.bin.part").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert ended(process).code == 130
    run = aihub("fetch", f"{site.url}/s.bin", "--to", folder, "--json", **KEYLESS)
    assert (run.code, run.end["done"]) == (0, 1), run.err
    assert Words("en").say("cli.fetch.set-aside", n=1) in run.err
    assert final_files(folder) == {"s.bin": data}


def test_secrets_of_an_address_are_nowhere(aihub: Aihub, site: Site, folder: Path) -> None:
    data = site.put("t.bin", noise(3000, 20))
    host = site.url.removeprefix("http://")
    address = f"http://me:hunter2@{host}/t.bin?X-Amz-Signature=feedface&X-Amz-Expires=60"
    run = aihub("fetch", address, "--to", folder, "--json", **KEYLESS)
    assert (run.code, final_files(folder)) == (0, {"t.bin": data}), run.err
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    logs = b"".join(path.read_bytes() for path in (aihub.home / "logs").rglob("*") if path.is_file())
    for secret in (b"hunter2", b"feedface"):
        assert secret not in left + logs + run.raw + run.err.encode()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the workers in /proc")
def test_no_process_is_begun_to_give_a_name(site: Site, folder: Path, tmp_path: Path) -> None:
    site.put("u.bin", noise(3_000_000, 22))  # not a small one: those are named where they are received
    with RunningEngine(tmp_path / "home", "http://127.0.0.1:9", piece_bytes=1 << 20) as run:
        found = run.ask(m.Inspect(run.engine.number(), [f"{site.url}/u.bin"]), m.Inspected)
        before = set(children(os.getpid()))
        wish = m.Add(run.engine.number(), Dataset(WEB, "", "h"), found.files, str(folder))
        run.wait_for(run.ask(wish, m.Added).transfer, TransferState.DONE)
        assert len(set(children(os.getpid())) - before) <= 1
    assert folder.joinpath("u.bin").read_bytes() == noise(3_000_000, 22)


def test_the_engine_tells_of_connections(site: Site, folder: Path, tmp_path: Path) -> None:
    site.put("u.bin", noise(14_000_000, 21))  # beyond what nginx lets through at once
    with RunningEngine(tmp_path / "home", "http://127.0.0.1:9", connections=4, piece_bytes=1 << 20) as run:
        found = run.ask(m.Inspect(run.engine.number(), [f"{site.url}/slow/u.bin"]), m.Inspected)
        wish = m.Add(run.engine.number(), Dataset(WEB, "", "h"), found.files, str(folder))
        run.wait_for(run.ask(wish, m.Added).transfer, TransferState.DONE)
        run.wait_for_progress(lambda event: event.connections == 0)
        told = [event for event in run.events if isinstance(event, m.Progress)]
    assert 1 < max(event.connections for event in told) <= 4
    assert not any(event.streams or event.eased for event in told)
