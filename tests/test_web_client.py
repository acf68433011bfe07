"""The look at web addresses, against a site on loopback that plays real ones, and against nginx."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from loopback import DEADLINE, Authority, Server, answer, reset, says
from web_site import DATA, Asked, Expiring, Page, Site, no_head, ranged, redirect

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.messages import Inspected
from aihub_desktop.domain.model import UNKNOWN_SIZE, Algorithm, Checksum, RemoteFile, SizeRange
from aihub_desktop.domain.names import safe_path
from aihub_desktop.sources.web.client import AT_ONCE, Web

KNOWN: Final = SizeRange.exactly(len(DATA))
SHA: Final = Checksum(Algorithm.SHA256, hashlib.sha256(DATA).hexdigest())
MD5: Final = Checksum(Algorithm.MD5, hashlib.md5(DATA).hexdigest())
NAME: Final = "한국어 음성.zip"


def inspect(
    *addresses: str, names: Mapping[str, str] | None = None, checksums: Mapping[str, Checksum] | None = None
) -> Inspected:
    with closing(Web("test/1", DEADLINE, header_timeout=DEADLINE)) as web:
        return web.inspect(addresses, names, checksums)


def only(*addresses: str) -> RemoteFile:
    inspected = inspect(*addresses)
    assert inspected.problems == {}
    [file] = inspected.files
    return file


def problem(address: str) -> Problem:
    inspected = inspect(address)
    assert inspected.files == []
    [(entry, found)] = inspected.problems.items()
    assert entry == address
    return found


def checksums(file: RemoteFile) -> tuple[Checksum, ...]:
    assert file.origin is not None
    return file.origin.checksums


def page(kind: str = "text/html", *headers: str, status: str = "200 OK") -> bytes:
    return answer(b"<html><title>Sign in</title></html>", f"Content-Type: {kind}", *headers, status=status)


# ---- what is asked, and how


def test_addresses_that_say_their_name_are_not_asked() -> None:
    with Site({}) as site:
        file = only(f"{site.url}/d/a.zip#here")
        assert (file.key, file.path, file.size) == (f"{site.url}/d/a.zip", "a.zip", UNKNOWN_SIZE)
        assert file.origin is not None
        assert file.origin.addresses == (f"{site.url}/d/a.zip#here",)
    assert site.asked == []


def test_others_are_asked_by_head() -> None:
    headers = (
        'Content-Disposition: attachment; filename="b c.zip"',
        'ETag: "strong"',
        f"Repr-Digest: sha-256=:{base64.b64encode(bytes.fromhex(SHA.value)).decode()}:",
    )
    with Site({"/get": ranged(DATA, *headers)}) as site:
        file = only(f"{site.url}/get?id=7&token=hidden")
    assert (file.source, file.dataset, file.path, file.size) == ("web", "", "b c.zip", KNOWN)
    assert file.key == f"{site.url}/get?id=7"
    assert file.origin is not None
    assert (file.origin.etag, file.origin.checksums) == ('"strong"', (SHA,))
    assert file.origin.addresses == (f"{site.url}/get?id=7&token=hidden",)
    assert [each.method for each in site.asked] == ["HEAD"]
    assert site.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", ["405 Method Not Allowed", "403 Forbidden", "404 Not Found", "501 Not Implemented"])
def test_where_head_is_refused_one_byte_is_asked_for(status: str) -> None:
    with Site({"/get": no_head(ranged(), status)}) as site:
        assert only(f"{site.url}/get").size == KNOWN
    assert [each.headers.get("range") for each in site.asked] == [None, "bytes=0-0"]


def test_where_head_ends_the_connection_one_byte_is_asked_for() -> None:
    def script(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"HEAD"):
            reset(connection)
        else:
            connection.sendall(answer(DATA))

    with Server(script) as server:
        assert only(f"{server.url}/get").size == KNOWN


def test_a_wrong_length_by_head_is_not_believed() -> None:
    plays: Page = lambda asked: answer(b"") if asked.method == "HEAD" else ranged()(asked)  # noqa: E731
    with Site({"/get": plays}) as site:
        assert only(f"{site.url}/get").size == KNOWN


@pytest.mark.parametrize("told", ["bytes 0-0/*", "bytes 0-0/many", "items 0-0/9", f"bytes 0-0/{1 << 70}", ""])
def test_a_length_that_cannot_be_read_is_unknown(told: str) -> None:
    said = answer(b"x", f"Content-Range: {told}", status="206 Partial Content")
    with Site({"/get": no_head(lambda asked: said)}) as site:
        assert only(f"{site.url}/get").size == UNKNOWN_SIZE


def test_a_file_of_no_bytes() -> None:
    with Site({"/get": ranged(b"")}) as site:
        assert only(f"{site.url}/get").size == SizeRange.exactly(0)


def test_a_body_of_unknown_length() -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
    with Site({"/get": said}) as site:
        assert only(f"{site.url}/get").size == UNKNOWN_SIZE


@pytest.mark.parametrize("etag", ['W/"weak"', "bare", "", '"a" "b"', "W/"])
def test_what_is_no_strong_etag_is_no_validator(etag: str) -> None:
    with Site({"/get": ranged(DATA, f"ETag: {etag}")}) as site:
        file = only(f"{site.url}/get")
    assert file.origin is not None
    assert file.origin.etag == ""


def test_at_most_eight_are_asked_at_once() -> None:
    lock, all_in = threading.Lock(), threading.Barrier(AT_ONCE)
    now, most = 0, 0

    def plays(asked: Asked) -> bytes:
        nonlocal now, most
        with lock:
            now, most = now + 1, max(most, now + 1)
        all_in.wait(DEADLINE)
        with lock:
            now -= 1
        return answer(DATA)

    with Site({"/get": plays}) as site:
        inspected = inspect(*(f"{site.url}/get?n={n}" for n in range(3 * AT_ONCE)))
    assert [file.key[-4:].strip("?n=") for file in inspected.files] == [str(n) for n in range(3 * AT_ONCE)]
    assert most == AT_ONCE


# ---- names


@pytest.mark.parametrize(
    ("header", "path"),
    [
        (f"attachment; filename*=UTF-8''{quote(NAME)}", NAME),
        (f"attachment; filename*=UTF-8''{quote(unicodedata.normalize('NFD', NAME))}", NAME),
        (f'attachment; filename="{NAME}"', NAME),
        ("attachment; filename=../../x", "x"),
        ('attachment; filename="C:\\x"', "x"),
        ("attachment; filename=CON", "_CON"),
        ("attachment; filename=a/b", "b"),
        (f"attachment; filename={'a' * 400}.zip", f"{'a' * 236}.zip"),
        ("inline", "get"),
    ],
)
def test_names_that_servers_give(header: str, path: str) -> None:
    with Site(
        {"/get": lambda asked: answer(DATA).replace(b"\r\n", f"\r\nContent-Disposition: {header}\r\n".encode(), 1)}
    ) as site:
        assert only(f"{site.url}/get").path == path
    safe_path(path)


def test_a_name_in_cp949() -> None:
    header = b'\r\nContent-Disposition: attachment; filename="' + NAME.encode("cp949") + b'"\r\n'
    with Site({"/get": answer(DATA).replace(b"\r\n", header, 1)}) as site:
        assert only(f"{site.url}/get").path == NAME


def test_names_differ_and_keys_too() -> None:
    with Site({"/get": ranged(DATA, "Content-Disposition: attachment; filename=a.zip")}) as site:
        addresses = [f"{site.url}/a.zip", f"{site.url}/d/a.zip", f"{site.url}/get?token=1", f"{site.url}/get?token=2"]
        inspected = inspect(*addresses, addresses[0])
    assert [file.path for file in inspected.files] == ["a.zip", "a (2).zip", "a (3).zip", "a (4).zip"]
    assert len({file.key for file in inspected.files}) == 4
    assert not any("token" in file.key for file in inspected.files)


def test_names_that_a_person_gives_are_made_safe_and_not_asked_for() -> None:
    with Site({}) as site:
        address = f"{site.url}/get?id=1"
        inspected = inspect(address, names={address: "../가/b:c.zip"}, checksums={address: SHA})
    assert [file.path for file in inspected.files] == ["가/b_c.zip"]
    assert checksums(inspected.files[0]) == (SHA,)
    assert site.asked == []


# ---- redirects, logins


def test_redirects_are_followed_and_name_the_file() -> None:
    pages: dict[str, Page | bytes] = {"/get": redirect("/1"), "/1": redirect("../2?x=1", "307 Temporary Redirect")}
    with Site(pages | {"/2": redirect(f"/{NAME}"), f"/{quote(NAME)}": ranged()}) as site:
        file = only(f"{site.url}/get")
    assert (file.path, file.size, file.key) == (NAME, KNOWN, f"{site.url}/get")


def test_ten_redirects_and_no_more() -> None:
    pages: dict[str, Page | bytes] = {f"/{n}": redirect(f"/{n + 1}") for n in range(11)}
    with Site(pages | {"/11": ranged()}) as site:
        assert only(f"{site.url}/1").size == KNOWN
        assert problem(f"{site.url}/0").facts["why"] == "redirects"


@pytest.mark.parametrize("to", ["/get", "ftp://127.0.0.1/a", "http://", "", "http://\x01/"])
def test_redirects_that_lead_nowhere(to: str) -> None:
    with Site({"/get": redirect(to)}) as site:
        found = problem(f"{site.url}/get")
    assert found.code is Code.WRONG_ANSWER
    assert found.facts["host"] == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="SSL_CERT_FILE is the trust store on Linux only")
def test_https_does_not_lead_to_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    authority.trusted(monkeypatch)
    with Site({"/get": ranged()}) as plain:
        redirects = Server(says(redirect(f"{plain.url}/get")), authority.server("127.0.0.1"))
        with redirects as secure:
            assert problem(f"{secure.url}/get").code is Code.INSECURE
    assert plain.asked == []


def test_a_login_goes_to_its_own_origin_alone() -> None:
    wanted = f"Basic {base64.b64encode('kim:비@밀'.encode()).decode()}"

    def locked(asked: Asked) -> bytes:
        if asked.headers.get("authorization") != wanted:
            return answer(b"", "WWW-Authenticate: Basic", status="401 Unauthorized")
        return redirect(other)

    with Site({"/2": ranged()}) as away, Site({"/1": locked}) as site:
        other = f"{away.url}/2"
        site.pages["/get"] = redirect("/1")
        login = site.url.replace("//", f"//kim:{quote('비@밀')}@")
        file = only(f"{login}/get")
        assert problem(f"{site.url}/get").code is Code.NO_ACCESS
    assert file.key == f"{site.url}/get"
    assert all("authorization" not in each.headers for each in away.asked)


# ---- what is not data


def test_a_page_in_place_of_data() -> None:
    with Site({"/get": page("text/html; charset=utf-8"), "/a.html": page()}) as site:
        found = problem(f"{site.url}/get")
        assert (found.code, found.facts["why"]) == (Code.WRONG_ANSWER, "html")
        assert only(f"{site.url}/a.html?id=1").path == "a.html"


def test_a_page_that_is_offered_as_a_file() -> None:
    with Site({"/get": page("text/html", "Content-Disposition: attachment; filename=report.html")}) as site:
        assert only(f"{site.url}/get").path == "report.html"


def test_data_coded_against_our_wish() -> None:
    with Site({"/get": answer(DATA, "Content-Encoding: gzip")}) as site:
        found = problem(f"{site.url}/get")
    assert (found.code, found.facts["why"]) == (Code.WRONG_ANSWER, "coded-body")


def test_a_coded_error_is_what_its_status_says() -> None:
    with Site({"/get": answer(b"x", "Content-Encoding: gzip", status="404 Not Found")}) as site:
        assert problem(f"{site.url}/get").code is Code.NOT_THERE


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("404 Not Found", Code.NOT_THERE),
        ("401 Unauthorized", Code.NO_ACCESS),
        ("429 Too Many Requests", Code.SERVER_BUSY),
        ("503 Service Unavailable", Code.SERVER_BUSY),
        ("500 Internal Server Error", Code.SERVER_ERROR),
        ("204 No Content", Code.WRONG_ANSWER),
        ("407 Proxy Authentication Required", Code.UNREACHABLE),
    ],
)
def test_refusals(status: str, code: Code) -> None:
    with Site({"/get": answer(b"", "Retry-After: 7", status=status)}) as site:
        found = problem(f"{site.url}/get?sig=hidden")
    assert found.code is (Code.ADDRESS_EXPIRED if code is Code.NO_ACCESS else code)
    assert "hidden" not in str(found)
    assert found.facts.get("retry_after") == (7 if code is Code.SERVER_BUSY else None)


def test_what_cannot_be_asked_and_who_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        closed = f"http://127.0.0.1:{door.getsockname()[1]}/get"
    inspected = inspect("ftp://h/a", "s3://b/k", "", "\t", closed, "http://127.0.0.1:1/a.zip")
    codes = [found.code for found in inspected.problems.values()]
    assert codes == [*[Code.BAD_ADDRESS] * 4, Code.UNREACHABLE]
    assert len(inspected.files) == 1


def test_the_next_mirror_is_asked_where_one_fails() -> None:
    with Site({"/2": ranged(DATA, 'ETag: "b"')}) as site:
        file = only(f"{site.url}/1\t{site.url}/2")
        assert problem(f"{site.url}/1\t{site.url}/3").facts["name"] == "1"
    assert file.size == KNOWN
    assert file.origin is not None
    assert file.origin.addresses == (f"{site.url}/1", f"{site.url}/2")
    assert file.origin.etag == ""  # that of one mirror is not that of the other


def test_an_expiring_address_behind_a_redirect() -> None:
    with Site(Expiring(1).pages()) as site:
        file = only(f"{site.url}/give")
    assert file.size == KNOWN
    assert file.origin is not None
    assert file.origin.addresses == (f"{site.url}/give",)


def test_closing_ends_what_waits() -> None:
    web = Web("test/1", DEADLINE, header_timeout=DEADLINE)

    def hangs(connection: socket.socket, head: bytes) -> None:
        web.close()
        server.release.wait(DEADLINE)

    with Server(hangs) as server:
        began = time.monotonic()
        assert web.inspect([f"{server.url}/get"]).files == []
        assert time.monotonic() - began < DEADLINE


# ---- Metalinks, lists of checksums


METALINK: Final = (
    '<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="d/a.bin"><size>{size}</size>'
    '<hash type="sha-256">{sha}</hash><url>{url}/a.bin</url></file>{more}</metalink>'
)


def metalink(url: str, more: str = "") -> bytes:
    return METALINK.format(size=len(DATA), sha=SHA.value, url=url, more=more).encode()


def test_a_metalink_by_its_name_or_kind() -> None:
    with Site({}) as site:
        site.pages["/x.meta4"] = answer(metalink(site.url))
        site.pages["/get"] = answer(metalink(site.url), "Content-Type: application/metalink4+xml; charset=utf-8")
        for address in (f"{site.url}/x.meta4", f"{site.url}/get"):
            file = only(address)
            assert (file.path, file.size, file.key) == ("d/a.bin", KNOWN, f"{site.url}/a.bin")
            assert checksums(file) == (SHA,)
        inspected = inspect(
            f"{site.url}/x.meta4", names={f"{site.url}/x.meta4": "other"}, checksums={f"{site.url}/x.meta4": MD5}
        )
    assert inspected.files[0].path == "other"
    assert checksums(inspected.files[0]) == (SHA, MD5)


def test_a_metalink_with_files_that_cannot_be_had() -> None:
    with Site({}) as site:
        more = '<file name="b"><url>http://h/b</url></file><file name="c"><url>ftp://h/c</url></file>'
        site.pages["/x.meta4"] = answer(metalink(site.url, more))
        inspected = inspect(f"{site.url}/x.meta4")
    assert [file.path for file in inspected.files] == ["d/a.bin", "b"]
    [found] = inspected.problems.values()
    assert (found.code, found.facts) == (Code.BAD_LIST, {"name": "c", "why": "no-addresses"})


def test_a_page_in_place_of_a_metalink() -> None:
    with Site({"/x.meta4": page()}) as site:
        assert problem(f"{site.url}/x.meta4").facts == {"name": "x.meta4", "why": "xml"}
        assert problem(f"{site.url}/y.meta4").code is Code.NOT_THERE


def test_lists_of_checksums_prove_what_lies_beside_them() -> None:
    sums = f"{SHA.value}  {NAME}\n{SHA.value} *sub/b.bin\n{'0' * 64}  a.zip\n".encode()
    with Site({"/d/SHA256SUMS": answer(sums), f"/d/{quote(NAME)}.md5": answer(f"{MD5.value}\n".encode())}) as site:
        site.pages["/d/get"] = ranged(DATA, "Content-Disposition: attachment; filename=a.zip")
        addresses = [
            f"/d/{quote(NAME)}",
            "/d/SHA256SUMS",
            "/d/sub/b.bin",
            "/e/a.zip",
            f"/d/{quote(NAME)}.md5",
            "/d/get",
        ]
        inspected = inspect(*(site.url + address for address in addresses))
    assert inspected.problems == {}
    found = {file.key.removeprefix(site.url): checksums(file) for file in inspected.files}
    assert found == dict(
        zip(addresses, [(SHA, MD5), (), (SHA,), (), (), (Checksum(Algorithm.SHA256, "0" * 64),)], strict=True)
    )
    assert inspected.files[1].size == SizeRange.exactly(len(sums))


def test_a_list_of_checksums_that_is_none_is_told() -> None:
    with Site({"/SHA256SUMS": page(), "/a.bin": ranged()}) as site:
        inspected = inspect(f"{site.url}/SHA256SUMS", f"{site.url}/a.bin", f"{site.url}/b.md5")
    assert [file.path for file in inspected.files] == ["SHA256SUMS", "a.bin"]
    assert [found.code for found in inspected.problems.values()] == [Code.BAD_LIST, Code.NOT_THERE]


def test_the_checksum_of_a_person_goes_first() -> None:
    mine = Checksum(Algorithm.SHA256, "1" * 64)
    with Site({"/SHA256SUMS": answer(f"{SHA.value}  a.bin\n".encode())}) as site:
        address = f"{site.url}/a.bin"
        inspected = inspect(address, f"{site.url}/SHA256SUMS", checksums={address: mine})
    assert checksums(inspected.files[0]) == (mine,)


# ---- nginx


def is_open(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """Serves what lies in `folder`/www; the address of its root."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    spare = " ".join(f"{kind}_temp_path {folder}/t;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root; " if sys.platform != "win32" and os.geteuid() == 0 else ""
    words = (
        f"{user}daemon off; pid {folder}/pid; error_log {folder}/log; worker_processes 1; events {{ }}"
        f" http {{ access_log off; root {folder}/www; {spare} gzip on; gzip_types *;"
        f" server {{ listen 127.0.0.1:{port}; location /named {{ alias {folder}/www/가.bin;"
        f" add_header Content-Disposition 'attachment; filename=\"{NAME}\"'; }} }} }}"
    )
    (folder / "conf").write_text(words, encoding="utf-8")
    process = subprocess.Popen(["nginx", "-c", str(folder / "conf"), "-p", str(folder), "-e", str(folder / "log")])
    try:
        deadline = time.monotonic() + DEADLINE
        while not is_open(port):
            assert time.monotonic() < deadline
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not here")
def test_a_real_server(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    data = random.Random(seed).randbytes(100_000)
    (tmp_path / "www" / "d").mkdir(parents=True)
    (tmp_path / "www" / "가.bin").write_bytes(data)
    (tmp_path / "www" / "d" / "page.html").write_text("<html></html>")
    sums = f"{hashlib.sha256(data).hexdigest()}  가.bin\n"
    (tmp_path / "www" / "SHA256SUMS").write_text(sums, encoding="utf-8")
    with nginx(tmp_path) as url:
        inspected = inspect(f"{url}/가.bin?v=1", f"{url}/SHA256SUMS", f"{url}/named", f"{url}/d", f"{url}/none")
    files = {file.path: file for file in inspected.files}
    assert {path: file.size.high for path, file in files.items()} == {
        "가.bin": len(data),
        "SHA256SUMS": len(sums.encode()),
        NAME: len(data),
    }
    assert checksums(files["가.bin"]) == (Checksum(Algorithm.SHA256, hashlib.sha256(data).hexdigest()),)
    assert all(file.origin is not None and file.origin.etag.startswith('"') for file in files.values())
    assert {entry.removeprefix(url): found.code for entry, found in inspected.problems.items()} == {
        "/d": Code.NO_ACCESS,
        "/none": Code.NOT_THERE,
    }
