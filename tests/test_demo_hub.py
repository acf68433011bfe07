"""The demo hub: it answers as the hub does, holds what it promises, and goes wrong in just the way it is told."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
import trustme
from loopback import RESETS

from aihub_desktop.demo import faults, offer
from aihub_desktop.demo.answers import Refusal
from aihub_desktop.demo.archives import Entry, split_zip
from aihub_desktop.demo.catalogue import DEMO_KEY, Access, Catalogue, DemoDataset
from aihub_desktop.demo.content import Noise, noise, sha256, whole
from aihub_desktop.demo.faults import Fault, Hostility, Place, Way
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.pages import shown_size

PIECE: Final = 1000
FILES: Final = {"뿌리 폴더/가 나.zip": noise(2500, 1), "뿌리 폴더/다.csv": noise(700, 2)}
MEMBERS: Final = [
    "뿌리_폴더/가_나.zip.part0",
    "뿌리_폴더/가_나.zip.part1000",
    "뿌리_폴더/가_나.zip.part2000",
    "뿌리_폴더/다.csv.part0",
]


@dataclass
class Reply:
    """An answer as far as it came. `problem` says how it broke off."""

    status: int
    headers: dict[str, str]
    body: bytes
    problem: Exception | None = None

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    url: str,
    path: str = "",
    *,
    method: str = "GET",
    key: str | None = None,
    tls: ssl.SSLContext | None = None,
    seconds: float = 10,
    headers: dict[str, str] | None = None,
) -> Reply:
    """One request on a connection of its own; redirects are not followed."""
    parts = urlsplit(url + path)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=seconds, context=tls)
        if tls
        else http.client.HTTPConnection(host, port, timeout=seconds)
    )
    try:
        given = {**({"apikey": key} if key else {}), **(headers or {})}
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=given)
        with connection.getresponse() as answer:
            body = bytearray()
            problem: Exception | None = None
            try:
                while part := answer.read1(1 << 16):
                    body += part
            except (OSError, http.client.HTTPException) as error:
                problem = error
            return Reply(answer.status, dict(answer.getheaders()), bytes(body), problem)
    finally:
        connection.close()


def down(hub: DemoHub, file_keys: str = "all", *, dataset: str = "90001", key: str | None = DEMO_KEY) -> Reply:
    return ask(hub.url, f"/down/0.6/{dataset}.do?fileSn={file_keys}", key=key)


def fetch(hub: DemoHub, file_keys: str = "all", *, dataset: str = "90001", seconds: float = 10) -> Reply:
    """The stream behind the redirect."""
    redirect = down(hub, file_keys, dataset=dataset)
    assert redirect.status == 302, redirect.text
    return ask(redirect.headers["Location"], seconds=seconds)


def members(reply: Reply) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
        found = [(member.name, tar.extractfile(member)) for member in tar]
        return [(name, file.read() if file else b"") for name, file in found]


def joined(reply: Reply) -> dict[str, bytes]:
    """The files of an answer, their pieces put at their offsets."""
    files: dict[str, bytearray] = {}
    for name, data in members(reply):
        stem, _, offset = name.rpartition(".part")
        file = files.setdefault(stem, bytearray())
        start = int(offset)
        file.extend(bytes(max(0, start + len(data) - len(file))))
        file[start : start + len(data)] = data
    return {name: bytes(file) for name, file in files.items()}


@pytest.fixture
def small() -> Iterator[DemoHub]:
    """A hub of two small files in pieces of 1,000 bytes."""
    with DemoHub(Catalogue.of(FILES), piece_size=PIECE) as started:
        yield started


def _offer(catalogue: Catalogue, key: str) -> DemoDataset:
    found = catalogue.dataset(key)
    assert found is not None
    return found


# What the hub offers.


def test_the_list_splits_at_the_first_comma_and_comes_with_both_statuses(hub: DemoHub) -> None:
    replies = [ask(hub.url, "/info/dataset.do") for _ in range(4)]

    assert {reply.status for reply in replies} == {200, 502}
    assert len({reply.text for reply in replies}) == 1
    head, *rows, tail = replies[0].text.splitlines()
    assert head == "==================DataSet 목록=================="
    assert set(tail) == {"="}
    listed = [tuple(row.split(", ", 1)) for row in rows]
    assert listed == [(dataset.key, dataset.title) for dataset in hub.catalogue.datasets]
    assert len(listed) >= 24
    assert sum("," in title for _, title in listed) >= 3


def test_the_trees_hold_every_file_in_the_hubs_own_grammar(hub: DemoHub) -> None:
    for dataset in hub.catalogue.datasets:
        reply = ask(hub.url, f"/info/{dataset.key}.do")
        if dataset.access is Access.HIDDEN:
            assert reply.status == 403
            continue
        *head, blank = reply.text.split("\n    └─")[0].split("\n")
        assert [line[-1] for line in head] == [" "] * (6 if dataset.notice else 5)
        assert blank == ""
        assert _read_tree(reply.text) == {
            file.key: (file.path, shown_size(file.content.size)) for file in dataset.files
        }


def _read_tree(text: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    folders: list[str] = []
    for line in text.split("=\x20\n\n", 1)[1].splitlines():
        branch = re.fullmatch(r"((?:    |│  )*)[├└]─(.*)", line)
        assert branch is not None, line
        depth = len(re.findall("    |│  ", branch[1]))
        if leaf := re.fullmatch(r"(.*) \| ([0-9]+ [A-Za-z]+) \| ([0-9]+)", branch[2]):
            found[leaf[3]] = ("/".join([*folders[: depth - 1], leaf[1]]), leaf[2])
        else:
            folders[depth - 1 :] = [branch[2]]
    return found


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 Byte"),
        (1023, "1023 Byte"),
        (1024, "1 KB"),
        (1535, "1 KB"),
        (1536, "2 KB"),
        ((1 << 20) - 1, "1024 KB"),
        (5 << 29, "3 GB"),
        (3 << 40, "3 TB"),
    ],
)
def test_sizes_are_rounded_to_the_nearest_in_binary_units(size: int, shown: str) -> None:
    assert shown_size(size) == shown


def test_the_catalogue_is_as_odd_as_the_hub(hub: DemoHub) -> None:
    files = [file for dataset in hub.catalogue.datasets for file in dataset.files]
    assert len({file.key for file in files}) == len(files)
    main = _offer(hub.catalogue, offer.MAIN)
    size = sum(file.content.size for file in main.files)
    assert 35_000_000 < size < 45_000_000
    leaves = [file.path.rpartition("/")[2] for file in main.files]
    assert len(set(leaves)) < len(leaves), "the same name in two folders"
    for order in ([file.path for file in main.files], [int(file.key) for file in main.files]):
        assert order != sorted(order)
    small = [file.content.size for file in _offer(hub.catalogue, offer.MANY).files]
    assert len(small) == 300
    assert all(500 < size < 45_000 for size in small)
    odd = "".join(file.path for file in _offer(hub.catalogue, offer.ODD_NAMES).files)
    assert all(sign in odd for sign in ("[", "]", "(", ")", "&", "%", "~", "+", "..", "·", "–", "•", "國", ".Zip"))
    assert max(len(file.path.encode()) for file in files) > 250


def test_two_catalogues_are_alike(catalogue: Catalogue) -> None:
    again = offer.standard()
    for dataset in (offer.MAIN, offer.SPLIT, offer.CP949, offer.ZIP64):
        old, new = _offer(catalogue, dataset).files, _offer(again, dataset).files
        assert [(file.key, file.path, sha256(file.content)) for file in old] == [
            (file.key, file.path, sha256(file.content)) for file in new
        ]


def test_every_zip_of_the_catalogue_is_sound(catalogue: Catalogue) -> None:
    split = {file.key for file in _offer(catalogue, offer.SPLIT).files if "TS_" in file.path}
    korean = 0
    for dataset in catalogue.datasets:
        for file in dataset.files:
            if file.path.casefold().endswith((".zip", ".xlsx")) and file.key not in split:
                with zipfile.ZipFile(io.BytesIO(whole(file.content))) as archive:
                    assert archive.testzip() is None, file.path
                    korean += any(re.search("[가-힣]", name) for name in archive.namelist())
    assert korean > 40


def test_the_cp949_zip_has_names_without_the_utf8_flag(catalogue: Catalogue) -> None:
    (file,) = (file for file in _offer(catalogue, offer.CP949).files if "완성형" in file.path)
    with zipfile.ZipFile(io.BytesIO(whole(file.content))) as archive:
        assert not any(entry.flag_bits & 0x800 for entry in archive.infolist())
    with zipfile.ZipFile(io.BytesIO(whole(file.content)), metadata_encoding="cp949") as archive:
        assert archive.namelist()[0] == "편지/000_안부.txt"


def test_the_64_bit_zip_says_so(catalogue: Catalogue) -> None:
    (file,) = (file for file in _offer(catalogue, offer.ZIP64).files if "64비트" in file.path)
    data = whole(file.content)
    assert b"PK\x06\x06" in data
    assert b"PK\x06\x07" in data
    assert data[18:26] == b"\xff" * 8


def test_the_split_set_names_each_entrys_volume(catalogue: Catalogue) -> None:
    files = [file for file in _offer(catalogue, offer.SPLIT).files if "TS_" in file.path]
    volumes = [whole(file.content) for file in files]
    assert [file.path[-4:] for file in files] == [f".z{number:02}" for number in range(1, len(files))] + [".zip"]
    assert len(volumes) >= 3
    assert volumes[0][:4] == b"PK\x07\x08"
    last = volumes[-1]
    _, disk, first, here, count, length, offset, _ = struct.unpack("<4s4H2LH", last[-22:])
    assert (disk, first, here) == (len(volumes) - 1, len(volumes) - 1, count)
    assert offset + length + 22 == len(last)
    disks = set()
    for _ in range(count):
        numbers = struct.unpack("<4s6H3L5H2L", last[offset : offset + 46])
        name, extra, disk, header = numbers[10], numbers[11], numbers[13], numbers[16]
        assert volumes[disk][header : header + 4] == b"PK\x03\x04"
        disks.add(disk)
        offset += 46 + name + extra
    assert len(disks) > 2


@pytest.mark.skipif(shutil.which("7z") is None, reason="the judge of split sets is 7z, which is not on the PATH")
@pytest.mark.parametrize("limit", [70, 1000, 1 << 20])
def test_a_split_set_passes_the_test_of_7z(tmp_path: Path, limit: int) -> None:
    entries = [
        Entry(name="가.bin", data=noise(3000, 1)),
        Entry(name="나.txt", data=b"b" * 9000, deflated=True),
        Entry(name="다.txt", data=b"", descriptor=True),
    ]
    for name, data in split_zip("묶음", entries, limit).items():
        (tmp_path / name).write_bytes(data)

    done = subprocess.run(
        ["7z", "t", str(tmp_path / "묶음.zip")], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_noise_is_the_same_from_every_place() -> None:
    content = Noise(5_000_000, seed=3)
    data = whole(content)
    assert len(data) == content.size
    for start, stop in ((0, 10), (1 << 20, 3 << 20), (4_999_990, 6_000_000), (1_048_570, 1_048_580)):
        assert b"".join(content.read(start, stop)) == data[start:stop]
    for step in (1 << 10, 1 << 20, 2 << 20):
        assert data[:1000] != data[step : step + 1000], "misplaced pieces would go unnoticed"


# The api.


def test_packages_are_told_from_datasets_of_the_same_key(hub: DemoHub) -> None:
    listed = ask(hub.url, "/info/datapckage.do").text
    assert listed.startswith("==================DataPackage 목록==")
    assert f"\n{offer.PACKAGE}, " in listed
    assert ask(hub.url, f"/info/pckage/{offer.PACKAGE}.do").text != ask(hub.url, f"/info/{offer.PACKAGE}.do").text
    redirect = ask(hub.url, f"/down/pckage/0.6/{offer.PACKAGE}.do?fileSn=all", key=DEMO_KEY)
    package = hub.catalogue.dataset(offer.PACKAGE, package=True)
    assert package is not None
    assert joined(ask(redirect.headers["Location"])) == {
        file.path.replace(" ", "_"): whole(file.content) for file in package.files
    }


def test_a_key_is_judged(hub: DemoHub) -> None:
    right = ask(hub.url, "/api/keyValidate.do", method="POST", key=DEMO_KEY)
    wrong = ask(hub.url, "/api/keyValidate.do", method="POST", key="00000000-0000-0000-0000-000000000000")
    assert (right.status, json.loads(right.body)) == (200, {"msg": "login success", "code": 200})
    assert (wrong.status, json.loads(wrong.body)) == (200, {"msg": "login fail", "code": 401})


@pytest.mark.parametrize(
    ("path", "key", "refusal"),
    [
        ("/info/1.do", None, Refusal.NO_PAGE),
        ("/info/pckage/90001.do", None, Refusal.NO_PAGE),
        ("/nowhere", None, Refusal.NO_PAGE),
        (f"/info/{offer.HIDDEN}.do", None, Refusal.FORBIDDEN),
        (f"/down/0.5/{offer.MAIN}.do?fileSn=all", DEMO_KEY, Refusal.OUTDATED),
        ("/down/0.6/1.do?fileSn=all", None, Refusal.NO_FILE),
        (f"/down/0.6/{offer.MAIN}.do", DEMO_KEY, Refusal.NO_FILE),
        (f"/down/0.6/{offer.MAIN}.do?fileSn=101001,5", None, Refusal.NO_FILE),
        (f"/down/0.6/{offer.NOT_APPROVED}.do?fileSn=all", None, Refusal.KEY),
        (f"/down/0.6/{offer.MAIN}.do?fileSn=all", "00000000-0000-0000-0000-000000000000", Refusal.KEY),
        (f"/down/0.6/{offer.NOT_APPROVED}.do?fileSn=all", DEMO_KEY, Refusal.NOT_APPROVED),
        (f"/down/0.6/{offer.EXPIRED}.do?fileSn=all", DEMO_KEY, Refusal.EXPIRED),
    ],
)
def test_the_hub_refuses_in_its_own_words_and_order(hub: DemoHub, path: str, key: str | None, refusal: Refusal) -> None:
    hub.faults.add(faults.Refuse(refusal=Refusal.ABROAD))  # the last check: all others come before it
    reply = ask(hub.url, path, key=key)
    assert (reply.status, reply.text) == (refusal.status, refusal.text)
    assert reply.headers["Content-Type"].startswith("text/plain")


def test_a_download_is_a_chunked_tar_of_pieces_from_another_host(small: DemoHub) -> None:
    redirect = down(small)
    assert (redirect.status, redirect.body) == (302, b"")
    assert redirect.headers["Location"].startswith(f"{small.stream_url}/shellStream.do?uuid=")
    assert urlsplit(small.stream_url).netloc != urlsplit(small.url).netloc

    reply = ask(redirect.headers["Location"], headers={"Range": "bytes=512-"})

    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/x-tar"
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert not {"Content-Length", "Accept-Ranges", "Content-Range"} & set(reply.headers)
    assert [name for name, _ in members(reply)] == MEMBERS
    assert reply.body.endswith(bytes(1024))
    assert joined(reply) == {path.replace(" ", "_"): data for path, data in FILES.items()}


@pytest.mark.parametrize("dataset", [offer.MAIN, offer.MANY, offer.SPLIT, offer.CP949, offer.ODD_NAMES, offer.ZIP64])
def test_every_byte_of_the_standard_catalogue_comes(hub: DemoHub, dataset: str) -> None:
    reply = fetch(hub, dataset=dataset, seconds=60)
    assert joined(reply) == {
        file.path.replace(" ", "_"): whole(file.content) for file in _offer(hub.catalogue, dataset).files
    }


def test_a_uuid_lives_a_while() -> None:
    with DemoHub(Catalogue.of(FILES), uuid_life=0) as hub:
        assert fetch(hub).text == Refusal.NO_PAGE.text
    with DemoHub(Catalogue.of(FILES)) as hub:
        address = down(hub).headers["Location"]
        assert joined(ask(address)) == joined(ask(address))
        assert ask(hub.stream_url, "/shellStream.do?uuid=other").status == 404


def test_requests_are_recorded_without_the_key(small: DemoHub) -> None:
    address = down(small, "100002").headers["Location"]
    reply = ask(address, key=DEMO_KEY, headers={"Range": "bytes=5-", "User-Agent": "시험".encode().hex()})
    ask(small.url, "/info/dataset.do", key="wrong")

    first, second, third = small.requests.wait(lambda seen: len(seen) == 3 and all(one.whole for one in seen))
    assert (first.host, first.path, first.query) == ("api", "/down/0.6/90001.do", "fileSn=100002")
    assert (first.file_keys, first.key_sent, first.key_right, first.status) == (("100002",), True, True, 302)
    assert (second.host, second.path, second.range) == ("stream", "/shellStream.do", "bytes=5-")
    assert (second.agent, second.sent, second.key_right) == ("시험".encode().hex(), len(reply.body), True)
    assert (third.key_sent, third.key_right, third.range) == (True, False, None)
    assert DEMO_KEY not in repr(list(small.requests))


def test_a_connection_serves_many_requests(small: DemoHub) -> None:
    parts = urlsplit(small.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    texts = []
    for _ in range(3):
        connection.request("GET", "/info/90001.do")
        texts.append(connection.getresponse().read())
    connection.close()
    assert len(set(texts)) == 1


def test_tls() -> None:
    authority = trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with DemoHub(Catalogue.of(FILES), tls=serving, piece_size=PIECE) as hub:
        assert hub.url.startswith("https://")
        redirect = ask(hub.url, "/down/0.6/90001.do?fileSn=all", key=DEMO_KEY, tls=trusting)
        assert joined(ask(redirect.headers["Location"], tls=trusting))["뿌리_폴더/다.csv"] == FILES["뿌리 폴더/다.csv"]
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(hub.url, "/info/dataset.do", tls=ssl.create_default_context())
        hub.faults.add(faults.Cut(after=1500, way=Way.RESET))
        redirect = ask(hub.url, "/down/0.6/90001.do?fileSn=all", key=DEMO_KEY, tls=trusting)
        assert ask(redirect.headers["Location"], tls=trusting).problem is not None


def test_a_stopped_hub_is_out_of_reach_and_comes_back_at_the_same_address(small: DemoHub) -> None:
    url = small.url
    assert ask(url, "/info/dataset.do").status in (200, 502)
    small.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(url, "/info/dataset.do")
    small.start()
    assert small.url == url
    assert len(joined(fetch(small))) == 2


def test_stopping_ends_answers_under_way_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    replies: list[Reply] = []
    with DemoHub(Catalogue.of(FILES), piece_size=PIECE) as hub:
        stall = hub.faults.add(faults.Stall(after=1024))
        address = down(hub).headers["Location"]
        reader = threading.Thread(target=lambda: replies.append(ask(address)))
        reader.start()
        assert stall.reached.wait(10)
        with socket.create_connection((urlsplit(hub.url).hostname or "", urlsplit(hub.url).port or 0)):
            hub.stop()
            assert set(threading.enumerate()) - before <= {reader}
    reader.join(10)
    assert replies[0].problem is not None
    assert len(replies[0].body) == 1024


def test_a_taken_port_is_an_error_at_once(small: DemoHub) -> None:
    with pytest.raises(OSError, match=r"in use|10048|10013"):
        DemoHub(Catalogue.of(FILES), api_port=urlsplit(small.url).port or 0).start()


def test_a_release_changes_what_is_offered(small: DemoHub) -> None:
    small.offer(Catalogue.of({"새 폴더/새.csv": b"new"}))
    assert joined(fetch(small)) == {"새_폴더/새.csv": b"new"}


# What goes wrong.

Check = Callable[[DemoHub, Reply], None]
_TAR: Final = 4 * 512 + (1024 + 1024 + 512 + 1024) + 1024  # four headers, the pieces padded to blocks, and the end
_CHECKS: dict[str, tuple[Fault, Check]] = {}


def check(fault: Fault, name: str = "") -> Callable[[Check], Check]:
    """Registers what a fault does to a download of `FILES`."""

    def register(body: Check) -> Check:
        _CHECKS[name or type(fault).__name__] = (fault, body)
        return body

    return register


def _names(reply: Reply) -> list[str]:
    return [name for name, _ in members(reply)]


@check(faults.Twice())
def _twice(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == MEMBERS * 2
    assert members(reply)[:4] == members(reply)[4:]


@check(faults.Twice(differing=True), "Twice differing")
def _twice_differing(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == MEMBERS * 2
    assert all(old[1] != new[1] for old, new in zip(members(reply)[:4], members(reply)[4:], strict=True))


@check(faults.Twice(start=1, stop=3), "Twice in part")
def _twice_in_part(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == [*MEMBERS[:3], *MEMBERS[1:3], MEMBERS[3]]


@check(faults.Reversed(start=1), "Reversed in part")
def _reversed_in_part(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == [MEMBERS[0], *MEMBERS[:0:-1]]


@check(faults.Shuffled(seed=5, stop=0), "Shuffled nothing")
def _shuffled_nothing(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == MEMBERS


@check(faults.Reversed())
def _reversed(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == MEMBERS[::-1]
    assert set(joined(reply).values()) == set(FILES.values())


@check(faults.Shuffled(seed=5))
def _shuffled(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) != MEMBERS
    assert sorted(_names(reply)) == sorted(MEMBERS)
    assert set(joined(reply).values()) == set(FILES.values())


@check(faults.IndexNumbers())
def _index(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == [name.replace("000", "") for name in MEMBERS]


@check(faults.BareNames())
def _bare(hub: DemoHub, reply: Reply) -> None:
    assert members(reply) == [(path.replace(" ", "_"), data) for path, data in FILES.items()]


@check(faults.BlanksKept())
def _blanks(hub: DemoHub, reply: Reply) -> None:
    assert joined(reply) == FILES


@check(faults.Overlapping(by=100))
def _overlapping(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply)[1].endswith(".part900")
    assert set(joined(reply).values()) == set(FILES.values())


@check(faults.Overlapping(by=100, differing=True), "Overlapping differing")
def _overlapping_differing(hub: DemoHub, reply: Reply) -> None:
    assert members(reply)[1][1][0] == members(reply)[0][1][900] ^ 0xFF
    assert members(reply)[1][1][1:100] == members(reply)[0][1][901:]


@check(faults.PieceMissing())
def _piece_missing(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == MEMBERS[:2]
    assert reply.body.endswith(bytes(1024))


@check(faults.PieceMissing(place=1, keys=frozenset({"100001"})), "PieceMissing keys")
def _piece_missing_keys(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == [MEMBERS[0], MEMBERS[2], MEMBERS[3]]


@check(faults.FileMissing())
def _file_missing(hub: DemoHub, reply: Reply) -> None:
    assert _names(reply) == MEMBERS[:3]


@check(faults.Spoilt())
def _checksum(hub: DemoHub, reply: Reply) -> None:
    with pytest.raises(tarfile.ReadError, match="bad checksum"):
        members(reply)
    assert len(reply.body) == _TAR


@check(faults.Spoilt(how="size"), "Spoilt size")
def _size(hub: DemoHub, reply: Reply) -> None:
    with pytest.raises(tarfile.ReadError):
        members(reply)
    header = reply.body[:512]
    assert int(header[148:154], 8) == sum(header[:148]) + 8 * 32 + sum(header[156:])


@check(faults.Spoilt(how="noise", member=-1), "Spoilt noise")
def _noise(hub: DemoHub, reply: Reply) -> None:
    assert reply.body.count(b"\xa5" * 512) == 1
    assert reply.body[:512].startswith(MEMBERS[0].encode())


@check(faults.Changed())
def _changed(hub: DemoHub, reply: Reply) -> None:
    got = joined(reply)["뿌리_폴더/가_나.zip"]
    assert [place for place in range(2500) if got[place] != FILES["뿌리 폴더/가 나.zip"][place]] == [1250]


@check(faults.Changed(places=frozenset({0, 999}), keys=frozenset({"100002"})), "Changed keys")
def _changed_keys(hub: DemoHub, reply: Reply) -> None:
    got = joined(reply)
    assert got["뿌리_폴더/가_나.zip"] == FILES["뿌리 폴더/가 나.zip"]
    assert got["뿌리_폴더/다.csv"][1:] == FILES["뿌리 폴더/다.csv"][1:]
    assert got["뿌리_폴더/다.csv"][0] == FILES["뿌리 폴더/다.csv"][0] ^ 0xFF


@check(faults.Replaced(contents={"100002": b"released anew"}))
def _replaced(hub: DemoHub, reply: Reply) -> None:
    assert joined(reply)["뿌리_폴더/다.csv"] == b"released anew"


@check(faults.ChangedSize(by=600))
def _longer(hub: DemoHub, reply: Reply) -> None:
    assert [len(data) for data in joined(reply).values()] == [3100, 1300]


@check(faults.ChangedSize(by=-600), "ChangedSize shorter")
def _shorter(hub: DemoHub, reply: Reply) -> None:
    assert [len(data) for data in joined(reply).values()] == [1900, 100]


@check(faults.ShortEnd(after=1700))
def _short_end(hub: DemoHub, reply: Reply) -> None:
    assert len(reply.body) == 1700
    assert reply.problem is None


@check(faults.NoEndBlocks())
def _no_end(hub: DemoHub, reply: Reply) -> None:
    assert len(reply.body) == _TAR - 1024
    assert reply.problem is None


@check(faults.GarbageAfterEnd(garbage=b"more"))
def _garbage(hub: DemoHub, reply: Reply) -> None:
    assert reply.body.endswith(bytes(1024) + b"more")


@check(faults.Cut(after=1700))
def _cut(hub: DemoHub, reply: Reply) -> None:
    assert len(reply.body) == 1700
    assert isinstance(reply.problem, http.client.IncompleteRead)


@check(faults.Cut(after=1700, way=Way.RESET), "Cut reset")
def _cut_reset(hub: DemoHub, reply: Reply) -> None:
    assert isinstance(reply.problem, ConnectionError | http.client.IncompleteRead)
    assert len(reply.body) <= 1700


@check(faults.Framed(framing=faults.Framing.LENGTH))
def _length(hub: DemoHub, reply: Reply) -> None:
    assert reply.headers["Content-Length"] == str(_TAR)
    assert "Transfer-Encoding" not in reply.headers
    assert _names(reply) == MEMBERS


@check(faults.Framed(framing=faults.Framing.CLOSE), "Framed close")
def _close(hub: DemoHub, reply: Reply) -> None:
    assert not {"Content-Length", "Transfer-Encoding"} & set(reply.headers)
    assert _names(reply) == MEMBERS


@check(faults.Answer())
def _html(hub: DemoHub, reply: Reply) -> None:
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html;charset=UTF-8")
    assert reply.text.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", _CHECKS)
def test_a_fault_does_just_what_it_says_and_passes(small: DemoHub, name: str) -> None:
    fault, holds = _CHECKS[name]
    small.faults.add(fault)
    holds(small, fetch(small))
    small.faults.clear()
    assert joined(fetch(small)) == {path.replace(" ", "_"): data for path, data in FILES.items()}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("hostility", Hostility)
def test_a_hostile_member_comes_beside_those_asked_for(small: DemoHub, hostility: Hostility, last: bool) -> None:
    small.faults.add(faults.Hostile(hostility=hostility, last=last))
    with tarfile.open(fileobj=io.BytesIO(fetch(small, "100001").body)) as tar:
        found = tar.getmembers()
    hostile = found.pop(-1 if last else 0)
    assert [member.name for member in found] == MEMBERS[:3]
    assert not hostile.isreg() or hostile.name not in MEMBERS[:3]
    assert hostile.isreg() != hostility.name.startswith(("SYMLINK", "HARDLINK", "DEVICE", "FIFO"))
    if hostility is Hostility.OTHER_FILE:
        assert hostile.name == MEMBERS[3]


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("place", [Place.LIST, Place.TREE, Place.KEY, Place.DOWN, Place.STREAM])
def test_every_refusal_can_be_had_everywhere(small: DemoHub, place: Place, refusal: Refusal) -> None:
    small.faults.add(faults.Refuse(refusal=refusal, at=place, times=1))
    asks = {
        Place.LIST: lambda: ask(small.url, "/info/dataset.do"),
        Place.TREE: lambda: ask(small.url, "/info/90001.do"),
        Place.KEY: lambda: ask(small.url, "/api/keyValidate.do", method="POST"),
        Place.DOWN: lambda: down(small),
        Place.STREAM: lambda: fetch(small),
    }
    reply = asks[place]()
    assert (reply.status, reply.text) == (refusal.status, refusal.text)
    assert asks[place]().body != refusal.text.encode()


def test_a_download_that_starts_beside_another_is_refused(small: DemoHub) -> None:
    small.faults.add(faults.AtOnce(seconds=3600))
    assert down(small).status == 302
    assert down(small).text == Refusal.AT_ONCE.text
    small.faults.clear()
    small.faults.add(faults.AtOnce(seconds=0))
    assert [down(small).status for _ in range(3)] == [302, 302, 302]


def test_redirects_elsewhere_and_in_a_loop(small: DemoHub) -> None:
    small.faults.add(faults.Redirect(to="http://localhost:9/other", times=1))
    assert down(small).headers["Location"] == "http://localhost:9/other"
    small.faults.add(faults.RedirectLoop(times=1))
    assert down(small).headers["Location"] == "/down/0.6/90001.do?fileSn=all"
    small.faults.add(faults.RedirectLoop(at=Place.STREAM))
    assert fetch(small).headers["Location"].startswith("/shellStream.do?uuid=")


@pytest.mark.parametrize("place", [Place.LIST, Place.DOWN])
def test_a_connection_is_dropped_before_the_answer(small: DemoHub, place: Place) -> None:
    small.faults.add(faults.Drop(at=place, times=1))
    with pytest.raises(ConnectionError):
        ask(small.url, "/info/dataset.do" if place is Place.LIST else "/down/0.6/90001.do?fileSn=all", key=DEMO_KEY)
    assert down(small).status == 302


def test_latency(small: DemoHub) -> None:
    small.faults.add(faults.Latency(seconds=30, times=1))
    with pytest.raises(TimeoutError):
        ask(small.url, "/down/0.6/90001.do?fileSn=all", seconds=0.1)
    small.faults.add(faults.Latency(seconds=0.01))
    assert down(small).status == 302


def test_a_garbled_list(small: DemoHub) -> None:
    small.faults.add(faults.Answer(at=Place.LIST, body=b"\xff\xfe\x00", kind="text/plain", status=502))
    reply = ask(small.url, "/info/dataset.do")
    assert (reply.status, reply.body) == (502, b"\xff\xfe\x00")


def test_a_stall_holds_until_it_is_released(small: DemoHub) -> None:
    stall = small.faults.add(faults.Stall(after=1500, times=1))
    stalled = fetch(small, seconds=1)
    assert isinstance(stalled.problem, TimeoutError)
    assert len(stalled.body) == 1500
    assert stall.reached.is_set()
    again = small.faults.add(faults.Stall(after=1500, times=1))
    replies: list[Reply] = []
    address = down(small).headers["Location"]
    reader = threading.Thread(target=lambda: replies.append(ask(address)))
    reader.start()
    assert again.reached.wait(10)
    again.release.set()
    reader.join(10)
    assert (len(replies[0].body), replies[0].problem) == (_TAR, None)


def test_clearing_releases_stalls(small: DemoHub) -> None:
    stall = small.faults.add(faults.Stall(after=0))
    replies: list[Reply] = []
    address = down(small).headers["Location"]
    reader = threading.Thread(target=lambda: replies.append(ask(address)))
    reader.start()
    assert stall.reached.wait(10)
    small.faults.clear()
    reader.join(10)
    assert len(replies[0].body) == _TAR


def test_a_slow_connection_takes_its_time() -> None:
    with DemoHub(Catalogue.of({"폴더/파일.bin": Noise(50_000)})) as hub:
        hub.faults.add(faults.Slow(rate=100_000))
        address = down(hub).headers["Location"]
        timer = threading.Event()
        ended: list[Reply] = []

        def read() -> None:
            ended.append(ask(address))
            timer.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert not timer.wait(0.3), "50 KB at 100 KB/s take half a second"
        reader.join(10)
        assert len(joined(ended[0])["폴더/파일.bin"]) == 50_000


def test_a_stall_may_trickle_until_it_is_released(small: DemoHub) -> None:
    stall = small.faults.add(faults.Stall(after=1024, rate=200))
    replies: list[Reply] = []
    address = down(small).headers["Location"]
    reader = threading.Thread(target=lambda: replies.append(ask(address)))
    reader.start()
    small.requests.wait(lambda seen: seen[-1].host == "stream" and seen[-1].sent > 1024)
    (*_, last) = small.requests
    assert last.sent < _TAR
    stall.release.set()  # the rest would take half a minute
    reader.join(10)
    assert (len(replies[0].body), replies[0].problem) == (_TAR, None)


@RESETS
def test_a_slow_reader_is_cut_off() -> None:
    with DemoHub(Catalogue.of({"폴더/파일.bin": Noise(64 << 20)})) as hub:
        hub.faults.add(faults.SlowReaderCut(seconds=0.2))
        parts = urlsplit(down(hub).headers["Location"])
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as reader:
            reader.sendall(f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            hub.requests.wait(lambda seen: seen[-1].host == "stream" and seen[-1].sent > 0)
            hub.requests.wait(lambda seen: seen[-1].ended)
            with pytest.raises(ConnectionError):
                _drain(reader)
        (*_, last) = hub.requests
        assert not last.whole


def _drain(reader: socket.socket) -> None:
    while reader.recv(1 << 20):
        pass


def test_faults_choose_their_requests(small: DemoHub) -> None:
    small.faults.add(faults.ShortEnd(after=10, skip=1, times=2))
    assert [len(fetch(small).body) for _ in range(4)] == [_TAR, 10, 10, _TAR]
    small.faults.clear()
    small.faults.add(faults.ShortEnd(after=10, keys=frozenset({"100002"})))
    assert [len(fetch(small, keys).body) > 10 for keys in ("100001", "100002", "all")] == [True, False, False]
    small.faults.clear()
    other = small.faults.add(faults.ShortEnd(after=10, dataset="other"))
    assert len(fetch(small).body) == _TAR
    small.faults.remove(other)


def test_answers_that_wait_for_each_other_are_under_way_at_once(small: DemoHub) -> None:
    together = small.faults.add(faults.Together(count=2))
    with ThreadPoolExecutor() as threads:
        first = threads.submit(fetch, small, "100001")
        small.requests.wait(lambda seen: any(one.host == "stream" for one in seen))
        assert not together.met.is_set()
        fetch(small, "100002")
        assert first.result().status == 200
    assert together.met.is_set()
    assert fetch(small).status == 200, "the third waits for nobody"


def test_an_answer_that_waits_in_vain_comes_in_the_end(small: DemoHub) -> None:
    together = small.faults.add(faults.Together(count=2, seconds=0.05))
    assert fetch(small).status == 200
    assert not together.met.is_set()
    assert fetch(small).status == 200


def test_every_fault_is_tried() -> None:
    direct = Fault.__subclasses__()
    below = [kind for each in direct for kind in each.__subclasses__()]
    kinds = {kind.__name__ for kind in [*direct, *below] if not kind.__name__.startswith("_")}
    apart = {
        *("Refuse", "AtOnce", "Redirect", "RedirectLoop", "Drop", "Latency", "Together"),
        *("Hostile", "Stall", "Slow", "SlowReaderCut"),
    }
    assert kinds == apart | {type(fault).__name__ for fault, _ in _CHECKS.values()}


# The ground of all tests.


def test_tests_stay_on_loopback() -> None:
    with socket.socket() as four, pytest.raises(AssertionError, match="stay on loopback"):
        four.connect(("192.0.2.1", 9))
    with socket.socket(socket.AF_INET6) as six, pytest.raises(AssertionError, match="stay on loopback"):
        six.connect_ex(("2001:db8::1", 9, 0, 0))


# As a program.


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send one process a Ctrl-C")
def test_it_serves_from_the_command_line_until_interrupted() -> None:
    command = [sys.executable, "-W", "error", "-m", "aihub_desktop.demo", "--rate", "1000000"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        try:
            url = program.stdout.readline().strip().removeprefix("AIHUB_API_URL=")
            assert program.stdout.readline().strip() == f"AIHUB_APIKEY={DEMO_KEY}"
            assert offer.MAIN in ask(url, "/info/dataset.do").text
            program.send_signal(signal.SIGINT)
            assert program.wait(10) == 0
            assert program.stderr.read() == ""
        finally:
            program.kill()


def test_a_gigabyte_costs_no_memory_to_offer() -> None:
    content = Noise(1 << 30)
    with DemoHub(Catalogue.of({"폴더/큰 파일.bin": content}), piece_size=256 << 20) as hub:
        hub.faults.add(faults.ShortEnd(after=4 << 20))
        reply = fetch(hub)
    expected = b"".join(content.read(0, (4 << 20) - 512))
    assert hashlib.sha256(reply.body[512:]).digest() == hashlib.sha256(expected).digest()
