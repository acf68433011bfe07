"""Targets that read texts of servers: trees, lists of checksums, Metalinks, XML of object storage, names, messages."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from aihub_desktop.domain import batchtext, jsontext, messages, names, sums, wire
from aihub_desktop.domain.batchfile import AddressWish, BatchFile, DatasetWish
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.domain.leases import Check, Drop, Failed, FileReach, Reached, Receive, WorkFile
from aihub_desktop.domain.model import HUB, Dataset, Origin, RemoteFile, Secret, SizeRange
from aihub_desktop.domain.names import UnsafeNameError, safe_path
from aihub_desktop.domain.storage import Credentials
from aihub_desktop.domain.sums import SumsError
from aihub_desktop.domain.wire import WireError
from aihub_desktop.sources.aihub import listing
from aihub_desktop.sources.s3 import errors as s3_errors
from aihub_desktop.sources.s3 import listing as s3_listing
from aihub_desktop.sources.web import addresses, answers, digests, metalink
from aihub_desktop.sources.web import names as web_names
from aihub_desktop.sources.web.redirects import Road

from .target import SEAM, Target, holds, parts, same

_LARGEST: Final = 1 << 62
_LONGEST_FACT: Final = 600


def _check_facts(error: ProblemError) -> None:
    holds("a long fact", all(len(str(fact)) <= _LONGEST_FACT for fact in error.problem.facts.values()))


def _check_safe(place: str) -> None:
    """What was made safe is a path below a folder."""
    path = safe_path(place).under(Path("folder"))
    holds("a path that leads out", path.parts[0] == "folder" and ".." not in path.parts and not path.is_absolute())


def _check_paths(files: list[RemoteFile]) -> None:
    for file in files:
        holds("an impossible size", 0 <= file.size.low <= file.size.high <= _LARGEST)
        with contextlib.suppress(UnsafeNameError):
            _check_safe(file.path)


# ---- the hub's lists and trees


def _reads_a_tree(data: bytes, folder: Path) -> None:
    del folder
    text = data.decode("utf-8", "replace")
    for read in (_tree, _datasets):
        try:
            read(text)
        except ProblemError as error:
            _check_facts(error)


def _tree(text: str) -> None:
    found = listing.parse_tree(text, Dataset(HUB, "7", "title"))
    _check_paths(found.files)
    same("file keys", len({file.key for file in found.files}), len(found.files))
    size = sum(len(file.path) for file in found.files)
    holds("paths that are longer than all memory", size < 1000 * len(text) + (1 << 20))


def _datasets(text: str) -> None:
    found = listing.parse_datasets(text)
    holds("an empty key", all(dataset.key for dataset in found))


def _trees() -> list[bytes]:
    head = "=================공지사항=================\n한 줄\n====================\n\n"
    rows = ("├─01.데이터", "│  ├─TL1.zip | 108 MB | 51937", "│  └─a b | c.zip | 1 GB | 51938", "└─x.csv | 47 KB | 3")
    tree = "".join(f"    {row}\n" for row in rows)
    datasets = "======DataSet 목록======\n86, 감성 대화 말뭉치\n71, b, c\n=================\n"
    return [text.encode() for text in (head + tree, tree, "\ufeff" + datasets, datasets.replace("Set", "Package"))]


# ---- checksums and Metalinks


def _reads_sums(data: bytes, folder: Path) -> None:
    del folder
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(SumsError):
        found = sums.parse(text)
        named = sums.matched(found, [*found, "x/" + next(iter(found))])
        holds("a checksum of no file", set(named.values()) <= set(found.values()))
    name, _, rest = text.partition("\n")
    try:
        digests.parse_sums(rest, name)
    except ProblemError as error:
        _check_facts(error)
    digests.is_list_of_sums(name)
    lines = [line.partition(": ") for line in rest.split("\n")]
    digests.of_headers({key.strip().lower(): value for key, _, value in lines})


def _sums() -> list[bytes]:
    sha, md5 = "0123456789abcdef" * 4, "0123456789abcdef" * 2
    return [
        f"SHA256SUMS\n{sha}  ./a b.zip\n\\{sha} *b\\nc\n{md5}  d\n".encode(),
        f"checksums.txt\nSHA256 (a (1).zip) = {sha}\r\nMD5 (b) = {md5}\n# c\n".encode(),
        f"a.zip.sha256\n-----BEGIN PGP SIGNED MESSAGE-----\n\n- {sha}\n-----BEGIN PGP SIGNATURE-----\n".encode(),
        b"x\nRepr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:;a=1, md5=:AA==:\n"
        b"x-goog-hash: crc32c=AAAAAA==,md5=1B2M2Y8AsgTpgAmY7PhCfg==\nx-amz-checksum-crc64nvme: AAAAAAAAAAA=\n",
    ]


def _reads_a_metalink(data: bytes, folder: Path) -> None:
    del folder
    found = metalink.read_metalink(data)
    _check_paths(found.files)
    for file in found.files:
        _check_safe(file.path)
        holds("a file without an address", file.origin is not None and len(file.origin.addresses) > 0)


def _metalinks() -> list[bytes]:
    sha = "ab" * 32
    four = f"""<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="가/a b.zip"><size>250</size>
<hash type="sha-256">{sha}</hash><pieces length="100" type="sha-256"><hash>{sha}</hash><hash>{sha}</hash>
<hash>{sha}</hash></pieces><url location="kr" priority="1">https://kr/a.zip?token=x&amp;b=2</url>
<url>http://user:word@host:80/a%20b.zip#x</url></file><file name="../../b"><url>http://h/b</url></file></metalink>"""
    three = f"""<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="CON">
<size>150</size><verification><hash type="md5">{"0" * 32}</hash><pieces type="md5" length="100">
<hash piece="1">{"1" * 32}</hash><hash piece="0">{"0" * 32}</hash></pieces></verification>
<resources><url type="http" preference="10">http://h/a</url></resources></file></files></metalink>"""
    return [four.encode(), three.encode(), four.replace('"UTF-8"', '"utf-16"').encode("utf-16"), b"<!DOCTYPE x []>"]


# ---- object storage


def _reads_an_s3_answer(data: bytes, folder: Path) -> None:
    del folder
    try:
        page = s3_listing.read_page(data)
        holds("a size beyond 63 bits", all(0 <= entry.size <= _LARGEST for entry in page.entries))
    except ProblemError as error:
        _check_facts(error)
    with contextlib.suppress(ProblemError):
        s3_listing.read_buckets(data)
    secrets = Credentials("AKIAACCESSKEY", Secret("SECRETSECRET"), Secret(""))
    for status in (200, 301, 403, 503):
        problem = s3_errors.refusal(status, {"retry-after": "7"}, data, host="h", credentials=secrets)
        _check_facts(problem)
        holds("a secret that is shown", not any("SECRETSECRET" in str(fact) for fact in problem.problem.facts.values()))


def _s3_answers() -> list[bytes]:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    page = (
        f'{head}<ListBucketResult xmlns="http://s3/"><KeyCount>1</KeyCount><IsTruncated>true</IsTruncated>'
        "<NextContinuationToken>a+b</NextContinuationToken><EncodingType>url</EncodingType><Contents><Key>a+%2B%EA%B0"
        "%80</Key><Size>7</Size><ETag>&quot;0a&quot;</ETag></Contents><CommonPrefixes><Prefix>d%20e/</Prefix>"
        "</CommonPrefixes></ListBucketResult>"
    )
    old = page.replace("<KeyCount>1</KeyCount>", "<Marker/>").replace("NextContinuationToken", "NextMarker")
    buckets = "<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>"
    error = f"{head}<Error><Code>AccessDenied</Code><Message>SECRETSECRET Signature=x expired</Message></Error>"
    return [text.encode() for text in (page, old, buckets, error)] + [page.replace("UTF-8", "latin-1").encode()]


# ---- names, addresses and pages of the web


def _makes_names(data: bytes, folder: Path) -> None:
    del folder
    header, address, listed = (part.decode("utf-8", "replace") for part in parts(data, 3))
    _check_safe(web_names.file_name(header.encode().decode("latin-1"), address))
    _check_safe(web_names.file_name(header, ""))
    name = web_names.safe_folders(listed)
    _check_safe(name)
    same("a safe name, made safe again", web_names.safe_folders(name), name)
    lines = [web_names.safe_folders(line) for line in listed.split("\n")[:50]]
    given = {names.clash_key(one.replace(" ", "_")) for one in web_names.unique(lines)}
    same("names that clash", len(given), len(lines))
    for line in listed.split("\n")[:50]:
        with contextlib.suppress(UnsafeNameError):
            _check_safe(line)
        names.split_piece(line)
        same("a key of its own", names.clash_key(names.clash_key(line)), names.clash_key(line))


def _names() -> list[bytes]:
    return [
        SEAM.join(text.encode() for text in three)
        for three in (
            (
                'attachment; filename*=UTF-8\'\'%EA%B0%80.zip; filename="a\\"b.zip"',
                "https://h/a%2Fb.zip?x=1",
                "../a/CON",
            ),
            ("inline; filename==?UTF-8?B?6rCALnppcA==?=", "http://h/가/..", "C:\\x\\y.\na.zip\nA.ZIP\na (2).zip"),
            ('attachment; filename="' + "가" * 100 + '.tar.gz"', "h", ".aihub/x\nAIHUB~1\nname.part99\n" + "é" * 200),
        )
    ]


def _reads_an_address(data: bytes, folder: Path) -> None:
    del folder
    first, second, body = parts(data, 3)
    for text in (first.decode("utf-8", "replace"), second.decode("utf-8", "replace")):
        try:
            clean = addresses.clean(text)
        except ProblemError as error:
            _check_facts(error)
            continue
        same("a clean address, cleaned", addresses.clean(clean), clean)
        holds("a secret in a clean address", not addresses.secrets_of(clean))
        addresses.is_signed(text)
        same("an address as it is asked for", addresses.spelt(addresses.spelt(text)), addresses.spelt(text))
        road = Road.to(text)
        for status in (301, 403, 404, 500):
            problem = answers.refusal(road, status, {"location": second.decode("latin-1")}, body, "name")
            _check_facts(problem)


def _addresses() -> list[bytes]:
    return [
        b"https://user:word@h.kr:443/a%20b/../c;jsessionid=1?X-Amz-Signature=ab&a=1&url=http://x/?sig=2#f"
        + SEAM + b"http://127.0.0.1:8080/x" + SEAM + b"<html><title>Error &amp; more</title> http://x/y",
        "HTTP://가.kr/나?token=비밀".encode() + SEAM + b"//other/x" + SEAM + b"SignatureDoesNotMatch",
        b"http://[::1]/\\x" + SEAM + b"ftp://h/x" + SEAM + b"Request has expired " + b"a" * 100,
    ]  # fmt: skip


# ---- messages between our own processes


def _reads_a_line(data: bytes, folder: Path) -> None:
    del folder
    readers: tuple[Callable[[bytes], Any], ...] = (wire.command, wire.event, wire.work, wire.news)
    for read in readers:
        with contextlib.suppress(WireError):
            message = read(data)
            same("a message, written and read", read(wire.line(message)), message)


def _lines() -> list[bytes]:
    file = RemoteFile("web", "", "http://h/a", "가/a", SizeRange(1, 9, "5 Byte"), origin=Origin(("http://h/a",)))
    work = WorkFile(1, file, "가/a")
    problem = Problem(Code.CUT, {"why": "early-end", "n": 1})
    receive = Receive(1, "http://h", "/f", [work], Secret("key"), "ua", 1.0, 2.0, 3, 4, 5.0)
    found: list[msgspec.Struct] = [
        *(receive, Check(2, "/f", [work]), Drop(3), Failed(4, 1, problem), Reached(5, 6, [FileReach(1, 2, 3)])),
        *(messages.Add(1, Dataset(HUB, "7", "t"), [file], "/f"), messages.Resync(2), messages.Rows(3, 1)),
        *(messages.Notice(1, problem, 2, True), messages.Answer(2, 1, None, {"a": [1.5, None]})),
        messages.Progress(3, 1.0, [messages.TransferProgress(1, 2, 3, 4, 5.0, None)], []),
    ]  # fmt: skip
    return [wire.line(one) for one in found] + [json.dumps([{}] * 3).encode()]


# ---- batch files


def _reads_a_batch(data: bytes, folder: Path) -> None:
    del folder
    try:
        batch = batchtext.parse(data)
    except ProblemError as error:
        _check_facts(error)
        holds("a code of its own", error.problem.code in (Code.BAD_BATCH, Code.BATCH_NEWER))
        return
    same("a batch, written and read", batchtext.parse(batchtext.written(batch)), batch)
    for one in batch.addresses:
        if one.out:
            _check_safe(one.out)


def _batches() -> list[bytes]:
    wish = DatasetWish("71631", "가", files=("1", "2"), include=("*.zip",), exclude=("b/",))
    addresses = AddressWish("https://h/a", ("http://m/a",), "가/a", "md5:" + "0" * 32), AddressWish("s3://bucket/a/")
    full = BatchFile(1, "가 나", "~/d", (wish, DatasetWish("1", package=True)), addresses, "naver", True, True)
    return [batchtext.written(full), b'{"aihubbatch": 1, "datasets": [{"key": "1"}]}', b'{"aihubbatch": 7}']


TARGETS: Final = (
    Target(
        "batch",
        _reads_a_batch,
        (batchtext, jsontext),
        _batches,
        tokens=(
            b'"key":',
            b"[" * 20,
            b"{",
            b"}",
            b"\\u0000",
            b'"\\ud800"',
            b"\xef\xbb\xbf",
            b"1e9",
            b'"aihubbatch":',
            b"/* */",
        ),
    ),
    Target(
        "tree",
        _reads_a_tree,
        (listing,),
        _trees,
        tokens=tuple(text.encode() for text in ("├─", "└─", "│  ", "    ", " | ", "1 GB", "====", "공지사항", "목록")),
    ),
    Target(
        "sums", _reads_sums, (sums, digests), _sums, tokens=(b"SHA512 (", b") = ", b"  ", b" *", b"\\", b"=:", b":;")
    ),
    Target(
        "metalink",
        _reads_a_metalink,
        (metalink, web_names, addresses),
        _metalinks,
        tokens=(b"<file name='x'>", b"</file>", b"<url>http://h/", b"</url>", b"<hash>", b"encoding='x'", b"<![CDATA["),
    ),
    Target(
        "s3",
        _reads_an_s3_answer,
        (s3_listing, s3_errors),
        _s3_answers,
        tokens=(b"<Contents>", b"<Key>", b"</Key>", b"<Size>", b"<Code>", b"encoding='cp949'", b"<Marker/>", b"W/"),
    ),
    Target("names", _makes_names, (names, web_names), _names, tokens=(b"filename=", b"''", b"=?", b"?=", b"%00", SEAM)),
    Target(
        "addresses",
        _reads_an_address,
        (addresses, answers),
        _addresses,
        tokens=(b"http://", b"://", b"<Code>", b"@", SEAM),
    ),
    Target(
        "wire",
        _reads_a_line,
        (wire, messages),
        _lines,
        tokens=(
            b'"command":',
            b'"event":',
            b'"work":',
            b'"news":',
            b"[" * 2000,
            b"1e999",
            b"\xff",
            b'"\\ud800"',
            b"null",
        ),
    ),
)
