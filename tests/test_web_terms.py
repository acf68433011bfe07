"""The terms of any web address, as a lane meets them: redirects, addresses that run out, logins, refusals."""

from __future__ import annotations

import base64
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Authority, Server, answer, says
from web_site import DATA, Asked, Expiring, Site, fetched, ranged, redirect, remote

from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.model import UNKNOWN_SIZE, WEB, Algorithm, Checksum, RemoteFile
from aihub_desktop.domain.storage import WebPlace
from aihub_desktop.sources.terms import Terms
from aihub_desktop.sources.web.terms import WebTerms

SIGNED: Final = "https://h/a.bin?X-Amz-Expires=300&X-Amz-Signature=hidden%2Fsignature&id=1"


def terms() -> Terms:
    return WebTerms(WebPlace())


def refused(status: int, body: bytes = b"", address: str = "https://h/a.bin", **headers: str) -> Problem:
    file = remote(address)
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    asker = terms()
    asker.request(file, 0, {})
    assert not asker.learns(file, 0, status, told, body)
    return asker.refusal(file, 0, status, told, body).problem


def problem(asker: Terms, file: RemoteFile) -> Problem:
    with pytest.raises(ProblemError) as caught:
        fetched(asker, file)
    return caught.value.problem


# ---- requests


def test_a_request_carries_what_the_lane_wants() -> None:
    file = remote("https://me:pass@h:8443/가?x=1#y", "http://h2/b")
    wanted = {"range": "bytes=0-9", "if-match": '"a"'}
    address, headers = terms().request(file, 0, wanted)
    assert address == "https://h:8443/%EA%B0%80?x=1"
    login = f"Basic {base64.b64encode(b'me:pass').decode()}"
    assert headers == {**wanted, "authorization": login}
    assert terms().request(file, 3, {}) == ("http://h2/b", {})


def test_a_file_without_address_is_not_asked_for() -> None:
    for file in (remote("ftp://h/a"), remote("h/a"), RemoteFile(WEB, "", "a", "a", UNKNOWN_SIZE)):
        with pytest.raises(ProblemError) as caught:
            terms().request(file, 0, {})
        assert caught.value.problem.code is Code.BAD_ADDRESS


# ---- redirects


def test_a_redirect_is_followed_once_and_remembered() -> None:
    asker = terms()
    with Site({"/get": redirect("/1"), "/1": redirect("data"), "/data": ranged()}) as site:
        file = remote(f"{site.url}/get")
        for start in range(0, 100, 10):
            assert fetched(asker, file, headers={"range": f"bytes={start}-{start + 9}"}) == DATA[start : start + 10]
        assert site.count() == {"GET /get": 1, "GET /1": 1, "GET /data": 10}


def test_each_mirror_has_its_own_road() -> None:
    asker = terms()
    with Site({"/a": redirect("/1"), "/b": redirect("/2"), "/1": ranged(b"1"), "/2": ranged(b"2")}) as site:
        file = remote(f"{site.url}/a", f"{site.url}/b")
        assert [fetched(asker, file, mirror) for mirror in (0, 1, 0, 1, 2)] == [b"1", b"2", b"1", b"2", b"1"]
        assert site.count()["GET /a"] == site.count()["GET /b"] == 1


def test_redirects_in_a_circle_end() -> None:
    with Site({"/a": redirect("/b"), "/b": redirect("/a")}) as site:
        found = problem(terms(), remote(f"{site.url}/a"))
        assert (found.code, found.facts["why"]) == (Code.WRONG_ANSWER, "redirects")
        assert len(site.asked) == 2


def test_ten_redirects_and_no_more() -> None:
    with Site({f"/{n}": redirect(f"/{n + 1}") for n in range(11)} | {"/11": ranged()}) as site:
        assert fetched(terms(), remote(f"{site.url}/1")) == DATA
        assert problem(terms(), remote(f"{site.url}/0")).facts["why"] == "redirects"


@pytest.mark.skipif(sys.platform != "linux", reason="SSL_CERT_FILE is the trust store on Linux only")
def test_https_does_not_lead_to_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(tmp_path)
    authority.trusted(monkeypatch)
    with Site({"/get": ranged()}) as plain:
        with Server(says(redirect(f"{plain.url}/get")), authority.server("127.0.0.1")) as secure:
            assert problem(terms(), remote(f"{secure.url}/get")).code is Code.INSECURE
        assert plain.asked == []


def test_a_login_goes_to_its_own_origin_alone() -> None:
    with Site({"/data": ranged()}) as away, Site({"/get": redirect("/1"), "/1": redirect(f"{away.url}/data")}) as site:
        assert fetched(terms(), remote(f"{site.url.replace('//', '//kim:secret@')}/get")) == DATA
        assert ["authorization" in each.headers for each in site.asked] == [True, True]
        assert ["authorization" in each.headers for each in away.asked] == [False]


# ---- addresses that run out


@pytest.mark.parametrize("times", [1, 3])
def test_an_address_that_ran_out_is_renewed(times: int) -> None:
    asker = terms()
    with Site(Expiring(times).pages()) as site:
        file = remote(f"{site.url}/give")
        for start in range(10):
            assert fetched(asker, file, headers={"range": f"bytes={start}-{start}"}) == DATA[start : start + 1]
        assert site.count()["GET /give"] == -(-10 // times)


@pytest.mark.parametrize("times", [1, 2, 5])
def test_many_threads_renew_without_failing(times: int) -> None:
    asker, together = terms(), threading.Barrier(4)

    def lane(number: int) -> list[bytes]:
        together.wait()
        return [fetched(asker, file, headers={"range": f"bytes={at}-{at}"}) for at in range(number, 40, 4)]

    with Site(Expiring(times).pages()) as site, ThreadPoolExecutor(4) as threads:
        file = remote(f"{site.url}/give")
        parts = list(threads.map(lane, range(4)))
    assert sorted(part for each in parts for part in each) == sorted(DATA[at : at + 1] for at in range(40))


def test_an_address_that_runs_out_at_once_is_asked_for_no_more_than_once() -> None:
    with Site(Expiring(0).pages()) as site:
        assert problem(terms(), remote(f"{site.url}/give")).code is Code.ADDRESS_EXPIRED
        assert len(site.asked) == 2


@pytest.mark.parametrize(
    "status", ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone", "400 Bad Request"]
)
def test_after_a_refusal_the_first_address_leads_elsewhere(status: str) -> None:
    asker = terms()
    with Site({"/get": redirect("/1"), "/1": ranged(b"old"), "/2": ranged(b"new")}) as site:
        file = remote(f"{site.url}/get")
        assert fetched(asker, file) == b"old"
        site.pages |= {"/get": redirect("/2"), "/1": answer(b"", status=status)}
        assert fetched(asker, file) == b"new"
        assert site.count() == {"GET /get": 2, "GET /1": 2, "GET /2": 1}


def test_a_server_that_fails_behind_a_redirect_is_not_remembered() -> None:
    asker = terms()
    with Site({"/get": redirect("/1"), "/1": answer(b"", status="500 Internal Server Error"), "/2": ranged()}) as site:
        file = remote(f"{site.url}/get")
        assert problem(asker, file).code is Code.SERVER_ERROR
        site.pages["/get"] = redirect("/2")
        assert fetched(asker, file) == DATA


def test_a_server_that_vanished_behind_a_redirect_is_asked_no_more() -> None:
    asker = terms()
    with Site({"/2": ranged(b"new")}) as site:
        with Site({"/1": ranged(b"old")}) as away:
            site.pages["/get"] = redirect(f"{away.url}/1")
            file = remote(f"{site.url}/get")
            assert fetched(asker, file) == b"old"
        site.pages["/get"] = redirect("/2")
        assert problem(asker, file).code is Code.UNREACHABLE
        assert fetched(asker, file) == b"new"


# ---- refusals


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((status, Code.NO_ACCESS) for status in (401, 402, 403, 451)),
        *((status, Code.NOT_THERE) for status in (404, 410)),
        *((status, Code.SERVER_BUSY) for status in (429, 503, 509)),
        *((status, Code.SERVER_ERROR) for status in (400, 405, 408, 414, 425, 500, 502, 504, 599)),
        (407, Code.UNREACHABLE),
        (204, Code.WRONG_ANSWER),
        (304, Code.WRONG_ANSWER),
    ],
)
def test_what_a_status_means(status: int, code: Code) -> None:
    found = refused(status)
    assert found.code is code
    assert found.facts["host"] == "h"
    assert found.facts.get("status") == (None if code is Code.UNREACHABLE else status)


@pytest.mark.parametrize(
    ("status", "body", "address", "code"),
    [
        (403, b"", SIGNED, Code.ADDRESS_EXPIRED),
        (401, b"", "https://h/a?sig=1", Code.ADDRESS_EXPIRED),
        (
            403,
            b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message>",
            "https://h/a",
            Code.ADDRESS_EXPIRED,
        ),
        (400, b"<Code>ExpiredToken</Code>", "https://h/a", Code.ADDRESS_EXPIRED),
        (403, b"Signature not valid in the specified time frame", "https://h/a", Code.ADDRESS_EXPIRED),
        (403, b"<Code>SignatureDoesNotMatch</Code>", SIGNED, Code.NO_ACCESS),
        (403, b"your session has expired", "https://h/a", Code.NO_ACCESS),
        (400, b"", SIGNED, Code.SERVER_ERROR),
        (404, b"", SIGNED, Code.NOT_THERE),
    ],
)
def test_addresses_that_have_expired(status: int, body: bytes, address: str, code: Code) -> None:
    assert refused(status, body, address).code is code


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        ("120", "", 120),
        ("0", "", 0),
        ("", "", 0),
        ("soon", "", 0),
        ("-5", "", 0),
        ("9" * 30, "", 86_400),
        (formatdate(1000, usegmt=True), formatdate(970, usegmt=True), 30),  # by the server's clock, not by ours
        (formatdate(1000, usegmt=True), formatdate(2000, usegmt=True), 0),
        (formatdate(1000, usegmt=True), "", 0),
        (formatdate(1 << 32, usegmt=True), "", 86_400),
    ],
)
def test_how_long_a_server_asks_to_wait(retry_after: str, date: str, seconds: int) -> None:
    found = refused(429, retry_after=retry_after, date=date)
    assert found.facts["retry_after"] == seconds


def test_a_date_becomes_seconds_from_now() -> None:
    found = refused(503, retry_after=formatdate(time.time() + 50, usegmt=True))
    assert 45 <= int(found.facts["retry_after"]) <= 51


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><head><title>Sign in</title></head><body>hidden</body></html>", "Sign in"),
        (
            b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Later</Message><Key>hidden</Key></Error>",
            "SlowDown: Later",
        ),
        (b'{"error": "no quota"}', '{"error": "no quota"}'),
        (b"cannot give https://h/a.bin?X-Amz-Signature=hidden now", "cannot give … now"),
        (b"path /a.bin?sig=hidden/signature refused", "path /a.bin?sig=… refused"),
        (b"token QUtJQUlPU0ZPRE5ON0VYQU1QTEU1234567890 refused", "token … refused"),
        ("접근할 수\r\n없습니다\x00".encode(), "접근할 수 없습니다"),
        ("접근할 수 없습니다".encode("cp949"), "접근할 수 없습니다"),
        (b"<html><script>hidden</script>", None),
        (b"", None),
    ],
)
def test_what_a_body_says_is_told_without_its_secrets(body: bytes, text: str | None) -> None:
    found = refused(500, body, SIGNED.replace("//", "//kim:hidden@"))
    assert found.facts.get("text") == text
    assert "hidden" not in str(found)


@given(st.binary(max_size=300))
def test_no_body_is_an_error(body: bytes) -> None:
    found = refused(403, body + b" hidden/signature hidden%2Fsignature " + body, SIGNED)
    assert "hidden" not in str(found)
    assert len(str(found.facts.get("text", ""))) <= 160


@pytest.mark.parametrize(
    "body", [b"a" * 65536, b"a." * 32768, b"<title>" * 9000, b"<title " * 9000, b" " * 65536, b"a+" * 32768 + b"://"]
)
def test_a_long_body_is_read_in_no_time(body: bytes) -> None:
    """Hands, and what reads behind them, share one processor with whoever reads it: 44 s it once took."""
    began = time.process_time()
    assert len(str(refused(500, body).facts.get("text", ""))) <= 160
    assert time.process_time() - began < 1.5


def test_no_half_of_a_secret_is_left_where_a_long_body_is_cut() -> None:
    secret = "hidden-secret"
    for ahead in range(8150, 8200):
        found = refused(500, b" " * ahead + secret.encode() + b" refused", f"https://kim:{secret}@h/a")
        assert "hid" not in str(found)


def test_no_problem_repeats_a_secret_of_the_road() -> None:
    def echo(asked: Asked) -> bytes:
        return answer(f"not for {asked.target}".encode(), status="403 Forbidden")

    with Site({"/get": redirect("/data?token=hidden"), "/data": echo}) as site:
        found = problem(terms(), remote(f"{site.url}/get"))
    assert "hidden" not in str(found)


def test_checksums_of_an_answer() -> None:
    value = base64.b64encode(b"0" * 16).decode()
    assert terms().checksums({"content-md5": value}) == (Checksum(Algorithm.MD5, (b"0" * 16).hex()),)
    assert terms().checksums({"content-md5": value, "content-range": "bytes 0-0/9"}) == ()
