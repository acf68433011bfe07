"""Names from outside: what becomes a path, what never does, and which two are one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aihub_desktop.domain.names import (
    LONGEST_NAME_BYTES,
    SafePath,
    UnsafeNameError,
    clash_key,
    match_key,
    names_a_device,
    safe_path,
    split_piece,
    taken_names,
)

REAL: Final = Path(__file__).parents[2] / "shared" / "hub" / "datasets_meta.tsv"

FORBIDDEN: Final = {
    "traversal": ["", ".", "..", "/", "/etc/passwd", "//host/share", "../a", "a/..", "a/../b", "a/./b", "a//b", "a/"],
    "forbidden-sign": [
        *("C:", "C:/a", "c:a.zip", "a.zip:stream", "\\a", "..\\a", "a\\b", "\\\\host\\share", "\\\\?\\C:\\a"),
        *("a<b", "a>b", 'a"b', "a|b", "a?b", "a*b", "d*/a"),
        *("a\0b", "a\nb", "a\tb", "a\x1fb", "a\x7fb", "a\x85b", "\x1b[2J"),
        *("a\u200bb", "a\u200fb", "a\u202egpj.exe", "a\u2066b", "a\ufeffb", "a\u00adb", "a\u2028b", "a\u2060b"),
        *("a\ud800b", "\udcff.zip"),
    ],
    "reserved": [
        *("con", "CON", "Con.txt", "aux.tar.gz", "d/nul", "nul.zip/a", "PRN", "com1", "COM9.csv", "lpt1.x", "LPT0"),
        *("com¹", "LPT³.txt", "CONIN$", "conout$.log", "clock$"),
        *("a.", "a./b", "...", "a...", "d/a.zip."),
        *(".aihub", ".aihub/manifest-sha256.txt", ".AIHUB/x", ".AiHub"),
        *("AIHUB~1", "aihub~1/manifest-sha256.txt", "Aihub~12/x"),
    ],
    "too-long": ["a" * (LONGEST_NAME_BYTES + 1), "가" * 81, "d/" + "가" * 81 + ".zip", "가" * 81 + "/a.zip"],
}
ALLOWED: Final = {
    "a.zip": "a.zip",
    "1.Training/라벨링 데이터/TL 1.zip": "1.Training/라벨링_데이터/TL_1.zip",
    " a ": "_a_",
    "a. ": "a._",
    "con ": "con_",  # what stands on disk is no reserved name any more
    "console.log": "console.log",
    "com10": "com10",
    "xcon": "xcon",
    "..a": "..a",
    "a..b.zip": "a..b.zip",
    ".hidden": ".hidden",
    ".aihub2": ".aihub2",
    "d/.aihub": "d/.aihub",  # only the one at the root is ours
    "aihub~x": "aihub~x",
    "a [1] (2) & 3%,~+.zip": "a_[1]_(2)_&_3%,~+.zip",
    "~$a": "~$a",
    "a" * LONGEST_NAME_BYTES: "a" * LONGEST_NAME_BYTES,
    "가" * 80: "가" * 80,
    unicodedata.normalize("NFD", "한글 é.zip"): "한글_é.zip",
}
# What Windows opens as a device, whatever follows the first dot.
DEVICES: Final = {
    *("con", "prn", "aux", "nul", "conin$", "conout$", "clock$"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
}

HOSTILE_PARTS: Final = sorted({part for group in FORBIDDEN.values() for shown in group for part in shown.split("/")})
SIGNS: Final = st.one_of(st.sampled_from("aZ0._ ~-:\\\0가é\u202e"), st.characters())
PART: Final = st.one_of(
    st.sampled_from(HOSTILE_PARTS),
    st.text(SIGNS, min_size=1, max_size=12),
    st.text("ab가. _", min_size=1, max_size=12),
    st.builds("{}{}".format, st.sampled_from(sorted(DEVICES)), st.text(". a1$", max_size=3)),
)
SHOWN: Final = st.one_of(st.text(SIGNS), st.lists(PART, min_size=1, max_size=4).map("/".join))


def real_paths() -> Iterator[str]:
    for row in REAL.read_text(encoding="utf-8").splitlines()[1:]:
        yield from filter(None, row.split("\t")[4].split(";;"))


@pytest.mark.parametrize(("why", "shown"), [(why, shown) for why, group in FORBIDDEN.items() for shown in group])
def test_a_forbidden_name_is_refused_with_its_reason(why: str, shown: str) -> None:
    with pytest.raises(UnsafeNameError) as caught:
        safe_path(shown)
    assert (caught.value.name, caught.value.why) == (shown, why)


@pytest.mark.parametrize(("shown", "place"), ALLOWED.items())
def test_an_odd_name_that_harms_nobody_is_kept(shown: str, place: str) -> None:
    assert str(safe_path(shown)) == place


@pytest.mark.skipif(not REAL.exists(), reason="the public paths of the hub lie beside the repository, not in it")
def test_every_real_path_is_kept_as_the_members_of_the_hub_are_named() -> None:
    paths = list(real_paths())
    assert len(paths) > 3000
    for shown in paths:
        assert str(safe_path(shown)) == shown.replace(" ", "_") == match_key(shown)
        assert match_key(unicodedata.normalize("NFD", shown)) == match_key(shown)


@given(SHOWN)
@example("con")
@example("a/../../b")
def test_what_is_accepted_stays_inside_on_every_system(shown: str) -> None:
    try:
        place = safe_path(shown)
    except UnsafeNameError:
        return
    parts = str(place).split("/")
    windows = PureWindowsPath("D:\\받은 것").joinpath(*parts)
    posix = PurePosixPath("/받은 것").joinpath(*parts)
    for folder, path in ((PureWindowsPath("D:\\받은 것"), windows), (PurePosixPath("/받은 것"), posix)):
        assert path.relative_to(folder).parts == tuple(parts)
        assert not {"..", ".", ""} & set(parts)
    for part in parts:
        assert part.casefold().partition(".")[0].rstrip(" ") not in DEVICES
        assert " " not in part
        assert not part.endswith(".")
        assert len(part.encode()) <= LONGEST_NAME_BYTES
        assert all(unicodedata.category(sign) not in ("Cc", "Cs") for sign in part)
    assert parts[0].casefold() != ".aihub"
    assert place.under(Path("root")).parts == ("root", *parts)


@given(SHOWN)
def test_a_safe_path_is_safe_again_and_the_same(shown: str) -> None:
    try:
        place = safe_path(shown)
    except UnsafeNameError:
        return
    assert safe_path(str(place)) == place
    assert hash(safe_path(str(place))) == hash(place)


def test_only_safe_path_makes_a_safe_path() -> None:
    with pytest.raises(TypeError):
        SafePath("../a")


def test_a_safe_path_is_no_text() -> None:
    assert safe_path("a") != "a"
    assert repr(safe_path("d/a b")) == "SafePath('d/a_b')"


@pytest.mark.parametrize(
    ("member", "piece"),
    [
        ("a.zip.part0", ("a.zip", 0)),
        ("a.zip.part1073741824", ("a.zip", 1 << 30)),
        ("d/가_나.zip.part007", ("d/가_나.zip", 7)),
        ("a.part0.part1", ("a.part0", 1)),
        ("a\nb.part3", ("a\nb", 3)),
        ("a.zip", None),
        ("a.zip.part", None),
        ("a.zip.part-1", None),
        ("a.zip.part1 ", None),
        ("a.zip.part1\n", None),
        ("a.zip.part１", None),
        ("a.zip.PART0", None),
        ("a.zip_part0", None),
        (".part0", None),
        ("a.part" + "9" * 16, None),
        ("", None),
    ],
)
def test_a_piece_is_told_from_a_bare_name(member: str, piece: tuple[str, int] | None) -> None:
    assert split_piece(member) == piece


@given(st.text(min_size=1), st.integers(0, 10**15 - 1))
def test_any_name_and_offset_come_back_from_a_piece(name: str, offset: int) -> None:
    assert split_piece(f"{name}.part{offset}") == (name, offset)


@pytest.mark.parametrize(
    ("tree", "member"),
    [
        ("a b.zip", "a_b.zip"),
        ("a  b/c d", "a__b/c_d"),
        ("가 나", unicodedata.normalize("NFD", "가_나")),
        ("a\tb", "a_b"),
        ("a\u3000b", "a_b"),
        ("a\u00a0b", "a_b"),
    ],
)
def test_the_tree_and_the_tar_spell_one_name_in_two_ways(tree: str, member: str) -> None:
    assert match_key(tree) == match_key(member)


def test_names_that_differ_in_more_than_blanks_do_not_match() -> None:
    assert len({match_key(name) for name in ("a b", "ab", "a-b", "A b", "a b/", "a/b")}) == 6


@given(st.text(), st.text())
def test_names_match_only_when_their_blanks_alone_differ(one: str, other: str) -> None:
    same = match_key(one) == match_key(other)
    composed = [
        "".join("_" if sign.isspace() else sign for sign in unicodedata.normalize("NFC", name)) for name in (one, other)
    ]
    assert same == (composed[0] == composed[1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.zip", "A.ZIP"),
        ("é.zip", "E\u0301.zip"),
        ("한글", unicodedata.normalize("NFD", "한글")),
        ("ΣΑΣ", "σας"),
        ("straße", "STRASSE"),
        ("D/a", "d/A"),
    ],
)
def test_names_that_are_one_file_somewhere_clash(one: str, other: str) -> None:
    assert clash_key(one) == clash_key(other)


def test_other_names_do_not_clash() -> None:
    assert len({clash_key(name) for name in ("a", "b", "a.", "a_", "ㄱ", "가", "a/b", "é", "e")}) == 9


@given(st.text())
def test_case_and_composition_never_make_two_names_of_one(name: str) -> None:
    assert clash_key(unicodedata.normalize("NFD", name)) == clash_key(name)
    assert clash_key(name.translate({**{c: c + 32 for c in range(65, 91)}})) == clash_key(name)


def test_receiving_a_file_takes_three_names() -> None:
    assert taken_names("d/a.zip") == ("d/a.zip", "d/a.zip.part", "d/a.zip.part.journal")
    assert taken_names(safe_path("d/a.zip")) == taken_names("d/a.zip")
    assert set(taken_names("a")) & set(taken_names("a.part"))
    assert not set(taken_names("a")) & set(taken_names("b"))


def test_the_longest_name_leaves_room_for_its_journal() -> None:
    assert len(taken_names("가" * 80)[2].encode()) <= 255


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        *((path, True) for path in ("nul", "D:\\aux.txt", "D:\\받은 것\\CON\\x", "a/com1", "lpt¹ .", "\\\\.\\nul")),
        *((path, False) for path in ("D:\\data", "D:\\auxiliary", "com10", "\\\\?\\D:\\data", "\\\\server\\share", "")),
    ],
)
def test_what_windows_takes_for_a_device(path: str, expected: bool) -> None:
    assert names_a_device(path) is expected
