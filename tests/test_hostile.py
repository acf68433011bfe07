"""Whatever a tar, a folder or a manifest says: nothing is written, read or removed outside the target folder."""

from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path

import msgspec
import pytest
from tapes import Tape, check, once, order, pieces, receive, tar, work

from aihub_desktop.domain.faults import Code
from aihub_desktop.transport.reconcile import StandingKind, look

NAMES = [
    "../outside.zip.part0",
    "../../outside.zip.part0",
    "d/../../outside.zip.part0",
    "/tmp/outside.zip.part0",
    "//host/share/outside.zip.part0",
    "C:/outside.zip.part0",
    "C:outside.zip.part0",
    "..\\outside.zip.part0",
    "\\\\host\\share\\outside.zip.part0",
    "d/CON.part0",
    "d/aux.txt.part0",
    "d/a.zip:hidden.part0",
    "d/bell\x07.zip.part0",
    "d/trailing dot..part0",
    "d//a.zip.part0",
    "./../outside.zip",
    ".aihub/manifest-sha256.txt",
    ".AIHUB/log.jsonl.part0",
    "d/" + "x" * 300 + ".part0",
    "d/turned\u202egnp.exe.part0",
]


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """All that lies below `folder`, links as what they say."""
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, bytes | str]:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_bytes(b"precious")
    return snapshot(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
def test_a_hostile_name_ends_the_lease(
    folder: Path, tmp_path: Path, outside: dict[str, bytes | str], name: str, last: bool
) -> None:
    members = pieces("a.zip", b"abc", 3)
    hostile = (name, b"hostile")
    news = receive(order(folder, [work(1, "a.zip", 3)]), tar([*members, hostile] if last else [hostile, *members]))
    assert news.code is Code.HOSTILE_MEMBER
    assert news.ended is not None
    assert str(news.ended.facts["name"])[:9] in name
    assert news.whole == {}
    found = snapshot(tmp_path)
    assert {path: data for path, data in found.items() if not path.startswith(folder.name)} == outside
    assert not any(b"hostile" in data for data in found.values() if isinstance(data, bytes))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_member_that_is_no_file_ends_the_lease(folder: Path, kind: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("a.zip.part0")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    news = receive(order(folder, [work(1, "a.zip", 3)]), out.getvalue())
    assert news.code is Code.HOSTILE_MEMBER
    assert list(folder.iterdir()) == []


def test_names_that_are_no_text(folder: Path) -> None:
    stream = tar([("d/\udcff\udcfe.zip", b"x"), *pieces("a.zip", b"abc", 3)])
    news = receive(order(folder, [work(1, "a.zip", 3)]), stream)
    assert news.code is Code.HOSTILE_MEMBER
    assert list(folder.iterdir()) == []


def test_folders_in_the_tar_are_passed_over(folder: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in ("./", "d", "d/e"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        info = tarfile.TarInfo("./d/a.zip.part0")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    news = receive(order(folder, [work(1, "d/a.zip", 3)]), out.getvalue())
    assert set(news.whole) == {1}
    assert not (folder / "d" / "e").exists()


def test_a_folder_that_is_a_link_is_not_entered(folder: Path, tmp_path: Path, outside: dict[str, bytes | str]) -> None:
    (folder / "d").symlink_to(tmp_path / "outside", target_is_directory=True)
    works = [work(1, "d/precious", 3), work(2, "d/e/a.zip", 3), work(3, "b.zip", 3)]
    members = [(f"{one.place}.part0", b"abc") for one in works]
    news = receive(order(folder, works), tar(members))
    assert news.failed == {1: Code.IN_THE_WAY, 2: Code.IN_THE_WAY}
    assert set(news.whole) == {3}
    assert {id_: standing.kind for id_, standing in look(folder, works[:2]).items()} == dict.fromkeys(
        (1, 2), StandingKind.IN_THE_WAY
    )
    assert check(folder, works[:2]).failed == {1: Code.IN_THE_WAY, 2: Code.IN_THE_WAY}
    assert snapshot(tmp_path / "outside") == {"precious": b"precious"}


@pytest.mark.skipif(sys.platform == "win32", reason="there a folder whose files are open keeps its name")
def test_a_link_that_takes_a_folder_s_place_in_the_middle(
    folder: Path, tmp_path: Path, outside: dict[str, bytes | str]
) -> None:
    """The file that is open stays where it is; nothing more is opened behind the link, and what came is kept."""

    def swap() -> None:
        (folder / "d").rename(tmp_path / "moved")
        (folder / "d").symlink_to(tmp_path / "outside", target_is_directory=True)

    works = [work(1, "d/a.bin", 3000), work(2, "d/b.bin", 3), work(3, "c.bin", 3)]
    members = [("d/a.bin.part0", b"a" * 3000), ("d/b.bin.part0", b"abc"), ("c.bin.part0", b"abc")]
    news = receive(
        order(folder, works), Tape(tar(members), cut=512, at={1024: once(folder / "d/a.bin.part.journal", swap)})
    )
    assert news.failed == {1: Code.IN_THE_WAY, 2: Code.IN_THE_WAY}
    assert set(news.whole) == {3}
    assert snapshot(tmp_path / "outside") == {"precious": b"precious"}
    (folder / "d").unlink()
    (tmp_path / "moved").rename(folder / "d")
    again = receive(order(folder, works), tar(members))
    assert set(again.whole) == {1, 2, 3}
    assert again.again == 3000


def test_a_folder_that_is_taken_away_in_the_middle(folder: Path, tmp_path: Path) -> None:
    """What was in it is lost; no try makes it anew, for its drive may be away. Once it is there again all comes."""

    def take() -> None:
        folder.rename(tmp_path / "moved")

    works = [work(1, "d/a.bin", 3000), work(2, "d/b.bin", 3)]
    members = [("d/a.bin.part0", b"a" * 3000), ("d/b.bin.part0", b"abc")]
    gone = Tape(tar(members), cut=512, at={1024: take})
    first = receive(order(folder, works), gone)
    assert first.code in (None, Code.TARGET_MISSING)
    assert receive(order(folder, works), tar(members)).code is Code.TARGET_MISSING
    assert not folder.exists()
    folder.mkdir()
    assert set(receive(order(folder, works), tar(members)).whole) == {1, 2}
    assert (folder / "d" / "a.bin.part").read_bytes() == b"a" * 3000


@pytest.mark.parametrize("ending", [".part", ".part.journal"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_our_own_names_may_be_taken_by_no_link(folder: Path, tmp_path: Path, ending: str, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    taken = folder / f"a.zip{ending}"
    match kind:
        case "link":
            taken.symlink_to(precious)
        case "dangling":
            taken.symlink_to(tmp_path / "made")
        case "folder":
            taken.mkdir()
        case _:
            if sys.platform == "win32":
                pytest.skip("Windows has no such pipes")
            os.mkfifo(taken)
    news = receive(order(folder, [work(1, "a.zip", 3)]), tar([("a.zip.part0", b"abc")]))
    assert news.failed == {1: Code.IN_THE_WAY}
    assert precious.read_bytes() == b"precious"
    assert not (tmp_path / "made").exists()
    assert os.path.lexists(taken)


def test_a_file_where_a_folder_should_be(folder: Path) -> None:
    (folder / "d").write_bytes(b"mine")
    news = receive(order(folder, [work(1, "d/a.zip", 3)]), tar([("d/a.zip.part0", b"abc")]))
    assert news.failed == {1: Code.IN_THE_WAY}
    assert (folder / "d").read_bytes() == b"mine"


def test_an_order_with_an_unsafe_place_is_refused(folder: Path, tmp_path: Path) -> None:
    hostile = msgspec.structs.replace(work(1, "a.zip", 3), place="../outside.zip")
    news = receive(order(folder, [hostile]), tar([("a.zip.part0", b"abc")]))
    assert news.failed == {1: Code.UNSAFE_NAME}
    assert check(folder, [hostile]).failed == {1: Code.UNSAFE_NAME}
    assert look(folder, [hostile])[1].kind is StandingKind.NOTHING
    assert list(tmp_path.glob("outside*")) == []
