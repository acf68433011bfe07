"""What belongs to one person does not stay in a text."""

from __future__ import annotations

import pytest

from aihub_desktop.domain.redaction import Redaction


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a 12345678-1234-1234-1234-1234567890ab b", "a 1234… b"),
        ("/" + "home/kim/x.txt, /" + "Users/kim", "~/x.txt, ~"),
        ("D:" + "\\Users\\kim\\x", "~\\x"),
        ("10.20.30.40:8080 127.0.0.1:80 1.2.3", "10.20.x.x:8080 127.0.0.1:80 1.2.3"),
        ("[2001:db8::1] ::1 12:34:56", "[2001::x] ::1 12:34:56"),
        ("http://kim:pw@proxy:80/", "http://proxy:80/"),
        ("the secret here, the folder there", "the … here, the ~ there"),
    ],
)
def test_redaction(text: str, left: str) -> None:
    assert Redaction(["secret"], ["folder"]).text(text) == left


def test_redaction_of_values_leaves_names_and_numbers() -> None:
    hide = Redaction(["name"])
    assert hide.value({"name": ["a name", 1, None, {"x": ("name",)}]}) == {"name": ["a …", 1, None, {"x": ["…"]}]}
