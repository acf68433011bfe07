"""Names from the web: as servers write them, and as nobody should."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aihub_desktop.domain.names import LONGEST_NAME_BYTES, clash_key, safe_path
from aihub_desktop.sources.web.names import (
    NAMELESS,
    extension,
    file_name,
    of_address,
    safe_folders,
    safe_part,
    says_its_name,
    unique,
)

NAME: Final = "한국어 음성.zip"
NFD: Final = unicodedata.normalize("NFD", NAME)
HEADERS: Final = {
    "attachment; filename=a.zip": "a.zip",
    'attachment; filename="a b;c.zip"': "a b;c.zip",
    'ATTACHMENT ; FileName = "a.zip" ; size=1': "a.zip",
    'attachment; filename="say \\"hi\\".zip"': "say _hi_.zip",
    "filename=a.zip": "a.zip",
    "attachment; filename=a b.zip": "a b.zip",
    f"attachment; filename=\"x.zip\"; filename*=UTF-8''{quote(NAME)}": NAME,
    f"attachment; filename*=utf-8'ko'{quote(NAME)}; filename=x.zip": NAME,
    f"attachment; filename*=UTF-8''{quote(NFD)}": NAME,
    f"attachment; filename*=EUC-KR''{quote(NAME.encode('cp949'))}": NAME,
    f"attachment; filename*=\"UTF-8''{quote(NAME)}\"": NAME,
    "attachment; filename*=iso-8859-1''gr%F6%DFe.zip": "größe.zip",
    "attachment; filename*=punycode''a; filename=b.zip": "b.zip",
    "attachment; filename*=UTF-8''%FF; filename=b.zip": "b.zip",
    "attachment; filename*=broken; filename=b.zip": "b.zip",
    f'attachment; filename="{NAME.encode().decode("latin-1")}"': NAME,
    f'attachment; filename="{NFD.encode().decode("latin-1")}"': NAME,
    f'attachment; filename="{NAME.encode("cp949").decode("latin-1")}"': NAME,
    f'attachment; filename="{NAME}"': NAME,
    f'attachment; filename="{quote(NAME)}"': NAME,
    f'attachment; filename="{quote(NAME, encoding="cp949")}"': NAME,
    'attachment; filename="gr\xf6\xdfe.zip"': "größe.zip",
    'attachment; filename="100%.zip"': "100%.zip",
    'attachment; filename="=?UTF-8?B?6rCALnppcA==?="': "가.zip",
    'attachment; filename="../../x"': "x",
    'attachment; filename="C:\\x"': "x",
    'attachment; filename="C:\\temp\\a.zip"': "a.zip",
    'attachment; filename="/etc/passwd"': "passwd",
    'attachment; filename="%2e%2e%2fx"': "x",
    'attachment; filename="CON"': "_CON",
    'attachment; filename="nul.txt"': "_nul.txt",
    'attachment; filename="a/b"': "b",
    'attachment; filename="a:b*c?.zip"': "a_b_c_.zip",
    'attachment; filename="a\x00b\nc.zip"': "ab_c.zip",
    'attachment; filename="a\u202egpj.exe"': "a_gpj.exe",
    'attachment; filename="a. . ."': "a",
    'attachment; filename=".aihub"': "_.aihub",
    'attachment; filename="AIHUB~1"': "_AIHUB~1",
    'attachment; filename=".."': "from-address.bin",
    'attachment; filename=""': "from-address.bin",
    "attachment": "from-address.bin",
    "": "from-address.bin",
}
ADDRESSES: Final = {
    "https://h/d/a.zip": "a.zip",
    "https://h/d/a.zip?x=b.zip#c": "a.zip",
    f"https://h/{quote(NAME)}": NAME,
    f"https://h/{quote(NAME, encoding='cp949')}": NAME,
    f"https://h/{quote(NFD)}": NAME,
    f"https://h/{NAME}": NAME,
    "https://h/d/": "d",
    "https://h": NAMELESS,
    "https://h/?id=1": NAMELESS,
    "https://h/..%2F..%2Fx": "x",
    "https://h/C:%5Cx": "x",
    "https://h/%00": NAMELESS,
    "https://h/???": NAMELESS,
    "https://h/%3F%3F": NAMELESS,
    "https://h/CON.": "_CON",
}


@pytest.mark.parametrize(("header", "name"), HEADERS.items())
def test_the_name_that_a_server_gives(header: str, name: str) -> None:
    assert file_name(header, "https://h/from-address.bin") == name


@pytest.mark.parametrize(("address", "name"), ADDRESSES.items())
def test_the_name_that_an_address_ends_with(address: str, name: str) -> None:
    assert file_name("", address) == name


@pytest.mark.parametrize("sign", ["a", "가", "😀"])
def test_a_long_name_is_shortened_and_keeps_its_extension(sign: str) -> None:
    name = safe_part(f"{sign * 400}.tar.gz")
    assert name.endswith(f"{sign}.tar.gz")
    assert LONGEST_NAME_BYTES - 4 < len(name.encode()) <= LONGEST_NAME_BYTES


@given(st.text() | st.text(alphabet="./\\: \"%CON~aihub\0\u202e가\u1100\u1161=?*'", max_size=300))
@example("x" * 240 + ".aihub")
@example("\u0345" * 300)
def test_any_text_becomes_a_safe_name(text: str) -> None:
    for name in (safe_part(text), file_name(f'a; filename="{text}"', "https://h/"), file_name("", f"https://h/{text}")):
        assert "/" not in name
        safe_path(name)
    safe_path(safe_folders(text))
    assert safe_part(safe_part(text)) == safe_part(text)


@given(st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace").decode("utf-8")))
def test_a_safe_name_comes_through_every_form_unchanged(text: str) -> None:
    name = safe_part(text.replace("%", "").replace('"', "").replace("=?", ""))
    assert file_name(f"attachment; filename*=UTF-8''{quote(name, safe='')}", "") == name
    assert file_name("", f"https://h/{quote(name, safe='')}") == name


def test_folders_of_a_list_stay_within_the_target() -> None:
    assert safe_folders("a/../b/./c d.zip") == "a/b/c d.zip"
    assert safe_folders("/etc/C:/x\\y") == "etc/x/y"
    assert safe_folders("../..") == NAMELESS
    assert safe_folders(".aihub/con/a") == "_.aihub/_con/a"


def test_equal_names_are_told_apart() -> None:
    given_names = ["a.zip", "a.zip", "A.zip", "a (2).zip", "b", "b", "d/a.tar.gz", "d/a.tar.gz", "x y", "x_y"]
    assert unique(given_names) == [
        *("a.zip", "a (2).zip", "A (3).zip", "a (2) (2).zip"),
        *("b", "b (2)", "d/a.tar.gz", "d/a (2).tar.gz", "x y", "x_y (2)"),
    ]


@given(st.lists(st.sampled_from(["a.zip", "A.ZIP", "a (2).zip", "a_(2).zip", "a" * 240, f"{'나' * 78}.zip", "d/a b"])))
def test_names_told_apart_are_safe_and_differ(names: list[str]) -> None:
    apart = unique(names)
    assert len({clash_key(str(safe_path(name))) for name in apart}) == len(names)


def test_many_equal_names_cost_no_more_than_as_many_others() -> None:
    assert unique(["a.zip"] * 20_000)[-1] == "a (20000).zip"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("https://h/a.zip", True),
        ("https://h/d/a.tar.gz", True),
        ("https://h/a.7z", True),
        ("https://h/a.zip.001", True),
        (f"https://h/{quote(NAME)}", True),
        ("https://h/a.zip#b", True),
        ("https://h/a.zip?id=1", False),
        ("https://h/a", False),
        ("https://h/a.zip/", False),
        ("https://h/", False),
        ("https://h/get.php", False),
        ("https://h/down.do", False),
        ("https://h/v1.2", False),
        ("https://h/.hidden", False),
    ],
)
def test_addresses_that_say_their_name(address: str, says: bool) -> None:
    assert says_its_name(address) is says


def test_extensions() -> None:
    names = ("a.tar.gz", "a.nii.gz", "a", ".a", "a.b c")
    assert [extension(name) for name in names] == [".tar.gz", ".nii.gz", "", "", ""]
    assert of_address("https://h/a%20b") == "a b"
