"""What bad input to `fetch` and `storage` gets: its own message in both languages, its exit code, and nothing made."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Aihub, Run
from test_cli_bad_input import BOTH, told

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.system.words import Words

ADDRESS = "http://127.0.0.1:9/a.zip"
SHA = "ab" * 32
# Of the machine that runs the tests: no storage, no keys.
NO_AWS = {
    "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_S3": "", "AWS_PROFILE": "", "AWS_ACCESS_KEY_ID": "",
    "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip


@pytest.fixture
def hub_address() -> Iterator[str]:
    """A hub that hears everything and answers nothing: no command here has any business with it."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        door.setblocking(False)
        with pytest.raises(BlockingIOError):
            door.accept()


@pytest.fixture
def aihub(tmp_path: Path, hub_address: str) -> Iterator[Aihub]:
    made = Aihub(tmp_path / "home", hub_address)
    yield made
    made.close()


def run(aihub: Aihub, language: str, *words: str | Path, given: str | None = None, **variables: str) -> Run:
    """Without a key of the hub."""
    done = aihub(*words, given=given, AIHUB_APIKEY="", AIHUB_LANG=language, **{**NO_AWS, **variables})
    assert "Traceback" not in done.err
    return done


def said(run: Run, language: str, key: str, **facts: str | int) -> None:
    assert run.code == 2, run.err
    assert Words(language).say(key, **facts) in run.err


@BOTH
def test_no_address(aihub: Aihub, folder: Path, language: str) -> None:
    said(run(aihub, language, "fetch", "--to", folder), language, "cli.fetch.no-address")
    json = run(aihub, language, "fetch", "--to", folder, "--json")
    said(json, language, "cli.fetch.no-address")
    assert not list(folder.iterdir())


@BOTH
@pytest.mark.parametrize("words", [("fetch", ADDRESS), ("fetch", ADDRESS, "--to"), ("fetch", ADDRESS, "--to", "")])
def test_no_folder(aihub: Aihub, language: str, words: tuple[str, ...]) -> None:
    done = run(aihub, language, *words)
    assert done.code == 2
    assert "--to" in done.err


@BOTH
@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.org/a.zip",
        "example.org/a.zip",
        "https://",
        "http://[::1/x",
        "s3://",
        "s3://a b/c",
        "no such file",
    ],
)
def test_what_is_no_address(aihub: Aihub, folder: Path, language: str, address: str) -> None:
    done = run(aihub, language, "fetch", address, "--to", folder, "--json")
    assert done.code == 1
    told(done, Code.BAD_ADDRESS, language)
    assert address in done.err
    assert [one["event"] for one in done.records] == ["refused", "end"]
    assert (done.end["done"], done.end["failed"]) == (0, 1)
    assert not list(folder.iterdir())


@BOTH
def test_secrets_of_an_address_are_not_repeated(aihub: Aihub, folder: Path, language: str) -> None:
    done = run(aihub, language, "fetch", "ftp://me:hunter2@h/a?X-Amz-Signature=feedface", "--to", folder, "--json")
    assert done.code == 1
    assert not any(secret in done.err + done.out for secret in ("hunter2", "feedface"))
    assert "ftp://h/a?…" in done.err


@BOTH
def test_what_is_for_one_file_only(aihub: Aihub, folder: Path, language: str) -> None:
    for name, value in (("--checksum", f"sha-256:{SHA}"), ("--out", "x")):
        done = run(aihub, language, "fetch", ADDRESS, f"{ADDRESS}.2", name, value, "--to", folder)
        said(done, language, "cli.fetch.for-one", name=name)
    # A folder is more than one file too.
    done = run(aihub, language, "fetch", "s3://data/all/", "--out", "x", "--to", folder, "--endpoint", "127.0.0.1:9")
    said(done, language, "cli.fetch.for-one", name="--out")


@BOTH
@pytest.mark.parametrize("value", ["", "sha-256", SHA, f"sha-256:{SHA}0", f"sha-256:{'g' * 64}", "whirlpool:00"])
def test_checksums_that_are_none(aihub: Aihub, folder: Path, language: str, value: str) -> None:
    done = run(aihub, language, "fetch", ADDRESS, "--checksum", value, "--to", folder)
    said(done, language, "cli.usage.checksum", name="--checksum", value=repr(value))


@BOTH
@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../b", "CON", "a\\b", ".aihub/x"])
def test_names_that_leave_the_folder(aihub: Aihub, folder: Path, language: str, name: str) -> None:
    done = run(aihub, language, "fetch", ADDRESS, "--out", name, "--to", folder)
    said(done, language, "cli.fetch.unsafe-out", name=name)
    listed = run(aihub, language, "fetch", "-i", "-", "--to", folder, given=f"{ADDRESS}\n  out={name}\n")
    said(listed, language, "cli.fetch.unsafe-out", name=name)


@BOTH
def test_lists_that_cannot_be_used(aihub: Aihub, folder: Path, tmp_path: Path, language: str) -> None:
    def with_list(text: bytes | None) -> Run:
        path = tmp_path / "list"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_bytes(text)
        return run(aihub, language, "fetch", "-i", path, "--to", folder)

    path = str(tmp_path / "list")
    missing = with_list(None)
    assert missing.code == 2
    assert Words(language).say("cli.fetch.unreadable", path=path, why="").strip() in missing.err
    said(with_list(b""), language, "cli.fetch.list-empty", path=path)
    said(with_list(b"# only a comment\n\n"), language, "cli.fetch.list-empty", path=path)
    said(with_list(b"\x00\x01\x02"), language, "cli.fetch.no-text", path=path)
    said(with_list("https://h/가\n".encode("cp949")), language, "cli.fetch.no-text", path=path)
    said(with_list(b"https://h/x\n  checksum=md5=zz\n"), language, "cli.fetch.list-line", path=path, line=2)
    said(with_list(b"  out=x\n"), language, "cli.fetch.list-line", path=path, line=1)
    folder_as_list = run(aihub, language, "fetch", "-i", tmp_path, "--to", folder)
    assert folder_as_list.code == 2
    said(run(aihub, language, "fetch", "-i", "-", "--to", folder, given=""), language, "cli.fetch.list-empty", path="-")
    assert not list(folder.iterdir())


@BOTH
def test_a_bad_line_of_a_list_keeps_its_place(aihub: Aihub, folder: Path, language: str) -> None:
    text = "ftp://h/one\nnonsense\ns3://\n"
    done = run(aihub, language, "fetch", "-i", "-", "--to", folder, "--json", given=text)
    assert done.code == 1
    assert [one.get("wanted") for one in done.records] == ["ftp://h/one", "nonsense", "s3://", None]
    assert done.err.count(Words(language).problem(Problem(Code.BAD_ADDRESS)).advice) == 1


@BOTH
def test_lists_of_checksums_that_are_none(aihub: Aihub, folder: Path, tmp_path: Path, language: str) -> None:
    path = tmp_path / "SHA256SUMS"
    for text in (b"", b"hello\n", b"<html></html>\n"):
        path.write_bytes(text)
        done = run(aihub, language, "fetch", ADDRESS, "--sums", path, "--to", folder)
        said(done, language, "cli.fetch.no-sums", path=str(path))
    path.unlink()
    assert run(aihub, language, "fetch", ADDRESS, "--sums", path, "--to", folder).code == 2


# Storages.


@BOTH
@pytest.mark.parametrize("endpoint", ["mispelled", "ftp://h", "https://h/path", "a b", "https://key:secret@h"])
def test_endpoints_that_are_none(aihub: Aihub, folder: Path, language: str, endpoint: str) -> None:
    key, shown = "cli.storage.no-endpoint", endpoint.replace("key:secret@", "")
    said(run(aihub, language, "storage", "add", endpoint, "--anonymous"), language, key, endpoint=shown)
    for words in (("storage", "ls"), ("fetch", "s3://data/x", "--to", str(folder))):
        said(run(aihub, language, *words, "--endpoint", endpoint), language, key, endpoint=shown)
    done = run(aihub, language, "storage", "ls", AWS_ENDPOINT_URL=endpoint)
    said(done, language, key, endpoint=shown)


@BOTH
def test_keys_of_a_storage_that_cannot_be_kept(aihub: Aihub, language: str) -> None:
    for given in ("", "AKIA\n", "AKIA\n\n", "AK IA\nsecret\n", f"{'k' * 300}\nsecret\n"):
        done = run(aihub, language, "storage", "add", "naver", "--stdin", given=given)
        said(done, language, "cli.storage.odd")
    asked = run(aihub, language, "storage", "add", "naver")
    said(asked, language, "cli.storage.no-terminal")
    none = run(aihub, language, "storage", "add", "naver", "--stdin", given="AKIAEXAMPLE\nhunter2hunter2\n")
    assert none.code == 3
    told(none, Code.KEYCHAIN_NONE, language)
    assert not any("hunter2" in text for text in (none.err, none.out))
    assert b"hunter2" not in aihub.written()
    listed = run(aihub, language, "storage", "list")
    assert Words(language).say("cli.storage.none") in listed.err


@BOTH
def test_unknown_storages(aihub: Aihub, language: str) -> None:
    assert run(aihub, language, "storage", "add", "naver", "--anonymous").code == 0
    done = run(aihub, language, "storage", "remove", "gov")
    said(done, language, "cli.storage.unknown", name="gov", known="naver (https://kr.object.ncloudstorage.com)")
    done = run(aihub, language, "storage", "ls", "--endpoint", "lab")
    said(done, language, "cli.storage.unknown", name="lab", known="naver (https://kr.object.ncloudstorage.com)")


@BOTH
def test_which_of_several_storages(aihub: Aihub, folder: Path, language: str) -> None:
    for name in ("naver", "gov"):
        assert run(aihub, language, "storage", "add", name, "--anonymous").code == 0
    for words in (("storage", "ls"), ("fetch", "s3://data/x", "--to", str(folder))):
        done = run(aihub, language, *words)
        assert done.code == 2
        for endpoint in ("https://kr.object.ncloudstorage.com", "https://kr.object.gov-ncloudstorage.com"):
            assert endpoint in done.err
        assert "--endpoint" in done.err


@BOTH
def test_what_is_no_place_in_a_storage(aihub: Aihub, language: str) -> None:
    for address in ("data", "https://h/x", "s3://"):
        done = run(aihub, language, "storage", "ls", address)
        said(done, language, "cli.storage.no-address", address=address)
