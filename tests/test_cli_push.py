"""`aihub push` against real object storages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from commandline import Aihub
from objects import Writer
from pushed import MANIFEST, check_contents, keys_of, lying, push, shelved
from servers import Storage

BUCKET: Final = "pushed-files"
_bytes: Final = random.Random(20261127).randbytes
FILES: Final = {
    "01.감성_대화/원천 데이터/큰 파일.zip": _bytes(12_000_000),
    "01.감성_대화/a+b [1].json": b"{}" * 999,
    "empty.txt": b"",
    **{f"many/{number:03}.bin": _bytes(number) for number in range(40)},
}


@pytest.fixture
def aihub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aihub]:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "nothing"))
    made = Aihub(tmp_path / "home", "http://127.0.0.1:1")
    yield made
    made.close()


@pytest.fixture(scope="module")
def storage(seaweed_storage: Storage) -> Storage:
    with Writer(seaweed_storage) as writer:
        writer.make_bucket(BUCKET)
    return seaweed_storage


def test_a_library_goes_there_once_and_can_be_fetched_and_proved(
    aihub: Aihub, storage: Storage, folder: Path, tmp_path: Path
) -> None:
    shelved(folder, FILES)
    run = push(aihub, storage, folder, f"s3://{BUCKET}/all", "--part-size", "5M")
    assert run.code == 0, run.err
    assert (run.end["sent"], run.end["there"], run.end["failed"], run.end["listed"]) == (43, 0, 0, 43)
    check_contents(lying(storage, BUCKET, "all/"), FILES)
    again = push(aihub, storage, folder, f"s3://{BUCKET}/all/")
    assert again.code == 0, again.err
    assert (again.end["sent"], again.end["there"], again.end["sent_bytes"]) == (0, 43, 0)
    copy = tmp_path / "copy"
    sums = tmp_path / "SUMS"
    sums.write_bytes(lying(storage, BUCKET, "all/")[MANIFEST])
    words = ("--endpoint", storage.endpoint, "--sums", sums, "--to", copy)
    fetched = aihub("fetch", f"s3://{BUCKET}/all/", *words, **keys_of(storage))
    assert fetched.code == 0, fetched.err
    assert (copy / "01.감성_대화/원천_데이터/큰_파일.zip").read_bytes() == FILES["01.감성_대화/원천 데이터/큰 파일.zip"]
