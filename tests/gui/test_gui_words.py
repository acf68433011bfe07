"""Every sentence that the window asks for is in the catalogue, and the catalogue holds none that it never asks for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import aihub_desktop.gui
from aihub_desktop.system.words import catalogue


def patterns() -> Iterator[tuple[str, str]]:
    """(file, regular expression) for each text in the sources that begins like a key; what is filled in is open."""
    folder = Path(aihub_desktop.gui.__file__).parent
    for source in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            text = ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = re.escape(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in node.values)
                text = "".join(parts)
            if re.match(r"gui\\\.[a-z]", text) and (not isinstance(node, ast.Constant) or text.count(r"\.") > 0):
                yield str(source.relative_to(folder)), text


def test_each_text_has_its_words_and_each_word_its_text() -> None:
    keys = [key for key in catalogue() if key.startswith("gui.")]
    asked: set[str] = set()
    for source, pattern in patterns():
        met = {key for key in keys if re.fullmatch(pattern, key)}
        # The literal beginning of an f-string is a text of its own for the parser.
        assert met or pattern.endswith(r"\."), f"{source}: {pattern}"
        asked |= met
    assert set(keys) - asked == set()
