"""What bytes are, and how they are shown: kinds, encodings, JSON drawn apart, sounds, bare bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.gui.inside.content import Content, by_name, content_of, end_of, may_open, picture_format
from aihub_desktop.gui.inside.picture import developed
from aihub_desktop.gui.inside.texts import Sound, broken, decoded, drawn, hexed, sound_of
from gui.samples import files, picture, sound


def test_bytes_say_more_than_names() -> None:
    assert content_of("a.json", b"{}") is Content.JSON
    assert content_of("photo.png", b"MZ\x90\0") is Content.PROGRAM
    assert content_of("notes.txt", b"#!/bin/sh") is Content.PROGRAM
    assert content_of("notes.txt", picture(20, 20)) is Content.PICTURE
    assert content_of("photo.jpg", b"no picture at all") is Content.OTHER
    assert content_of("a", b"PK\x03\x04") is Content.ARCHIVE
    assert content_of("b.bin", sound(0.1)) is Content.SOUND
    assert [picture_format(picture(30, 20, form)) for form in ("PNG", "JPG", "BMP", "WEBP")] == [
        "png", "jpeg", "bmp", "webp",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "a.exe", "a.BAT", "a.sh", "a.py", "a.js", "a.html", "a.svg", "a.xml", "a.desktop", "a.lnk", "a.url", "a.jar",
        "a.vbs", "a.scr", "a.app", "a.docm", "a.zip", "a", "a.txt.exe", "json", ".json/x", "a.json ", "a.txt\u202eexe",
    ],
)  # fmt: skip
def test_what_might_run_something_is_not_opened(name: str) -> None:
    assert not may_open(name, b"hello")


def test_what_only_shows_is_opened() -> None:
    for name in ("a.json", "b.CSV", "c.txt", "d.pdf", "e.wav", "f.mp4"):
        assert may_open(f"폴더/{name}", b"%PDF-1.4" if name.endswith("pdf") else b"hello")
    assert may_open("a.png", picture(10, 10))
    assert not may_open("a.png", b"MZ\x90\0"), "a program under another name"
    assert not may_open("a.txt", b"\x7fELF")


def test_names_end_in_what_they_are() -> None:
    assert [end_of(name) for name in ("a/b.JSON", "a.b/c", "a.", ".bashrc", "x.한글", "a.geojson")] == [
        "json", "", "", "bashrc", "한글", "geojson",
    ]  # fmt: skip
    assert by_name("a.tar.gz") is Content.ARCHIVE


def test_text_is_told_from_bytes_and_its_encoding_found() -> None:
    assert decoded("한글".encode()) == ("한글", "utf-8")
    assert decoded("한글".encode("cp949")) == ("한글", "cp949")
    assert decoded("한글".encode("utf-8-sig")) == ("한글", "utf-8")
    assert decoded("한글".encode("utf-16")) == ("한글", "utf-16")
    assert decoded("a한".encode()[:-1], is_cut=True) == ("a", "utf-8")
    assert decoded(b"a\0b") is None
    assert decoded(b"\xff\xfe\xfa") is None
    assert decoded(b"a\x1b[31mb\r\n") == ("a\ufffd[31mb\n", "utf-8")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=15,
))  # fmt: skip
def test_json_drawn_apart_is_the_same_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    shown = drawn(text)
    assert json.loads(shown) == value
    for at in range(len(text)):
        drawn(text[:at])  # of what is cut, too, without a complaint


def test_json_is_easy_to_read() -> None:
    assert drawn('{"a":[1,2.5,-3],"b":{},"c":[{"d":null}]}').split("\n") == [
        "{", '  "a": [1, 2.5, -3],', '  "b": {},', '  "c": [', "    {", '      "d": null', "    }", "  ]", "}",
    ]  # fmt: skip
    assert drawn('{"a":1}\n{"b":2}\n') == '{\n  "a": 1\n}\n{\n  "b": 2\n}'
    assert len(drawn("[" * (256 << 10))) < 8 << 20
    assert broken("x" * 10_000).count("\n") == 2


def test_sounds_and_bytes_are_told() -> None:
    assert sound_of(sound(2.5)) == Sound(1, 16_000, 16, 2.5)
    assert sound_of(b"RIFF\x10\0\0\0WAVEdata") is None
    assert sound_of(picture(10, 10)) is None
    assert hexed(b"AB\0\xff12345").split("\n") == [
        "0000  41 42 00 ff 31 32 33 34  AB··1234", "0008  35                       5",
    ]  # fmt: skip


@pytest.mark.qt_log_ignore("Not a JPEG file", "QImageIOHandler", extend=True)
def test_pictures_are_decoded_within_limits() -> None:
    found = developed(files()["원천데이터/사진/IMG_0000.jpg"], "jpeg")
    assert (found.size.width(), found.size.height(), found.image.width()) == (960, 640, 960)
    wide = developed(picture(6000, 20), "png")
    assert (wide.size.width(), wide.image.width()) == (6000, 3000)
    assert developed(picture(50, 50), "jpeg").image.isNull(), "it is taken for nothing but what it was said to be"
    assert developed(picture(50, 50)[:60], "png").image.isNull()
    huge = bytearray(picture(10, 10))
    huge[16:24] = (60_000).to_bytes(4, "big") * 2  # the head says 3.6 billion dots
    assert developed(bytes(huge), "png").image.isNull()
