"""Bytes as text to look at. Pure; every result is bounded by the bytes that went in."""

from __future__ import annotations

import codecs
import re
import struct
from typing import Final, NamedTuple

_INDENT: Final = "  "
_DEEPEST: Final = 30  # levels that are still moved to the right
_MOST_PIECES: Final = 100_000  # nothing but brackets would grow thirtyfold
_LONGEST_LINE: Final = 4000  # longer ones take seconds to lay out
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
# A point or a box in one line: a number on each would hide everything else.
_SHORT_LIST: Final = re.compile(r'\[(?:[^\[\]{}"]|"(?:[^"\\\n]|\\.){0,40}"){0,100}\]')
_CONTROL: Final = {sign: "�" for sign in (*range(32), *range(127, 160)) if chr(sign) not in "\n\t"}
_BOMS: Final = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEX_LINE: Final = 8  # as many as there is room for beside a list


def decoded(data: bytes, *, is_cut: bool = False) -> tuple[str, str] | None:
    """(the text, its encoding); None for what is no text. Of what `is_cut` the last sign may be half there."""
    marked = next((name for mark, name in _BOMS.items() if data.startswith(mark)), "")
    for encoding in (marked,) if marked else ("utf-8", "cp949"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(data, final=not is_cut)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text.replace("\r\n", "\n").translate(_CONTROL), encoding.removesuffix("-sig")
    return None


def broken(text: str) -> str:
    """With lines that a page can lay out."""
    if max(map(len, text.split("\n")), default=0) <= _LONGEST_LINE:
        return text
    cut = (line[at : at + _LONGEST_LINE] for line in text.split("\n") for at in range(0, len(line) or 1, _LONGEST_LINE))
    return "\n".join(cut)


def drawn(text: str) -> str:
    """JSON with its lines drawn apart, every sign as it is; also the first part of one, and what is none at all."""
    out: list[str] = []
    at = depth = 0
    while len(out) < _MOST_PIECES and (found := _TOKENS.search(text, at)) is not None:
        token, at = found[0], found.end()
        if token == "[" and (short := _SHORT_LIST.match(text, found.start())):
            out.append(_in_a_line(short[0]))
            at = short.end()
            continue
        match token:
            case "{" | "[":
                depth += 1
                out += [token, _line(depth)]
            case "}" | "]":
                depth = max(0, depth - 1)
                _close(out, token, depth)
            case ",":
                out += [token, _line(depth)]
            case ":":
                out.append(": ")
            case _:
                out.append(token if not out or out[-1][-1:] in "\n :" or out[-1].startswith("\n") else f" {token}")
        if not depth and token in "}]":
            out.append("\n")  # the next line of a file with one object a line
    return "".join(out).rstrip()


def _in_a_line(text: str) -> str:
    pieces = _TOKENS.findall(text)
    return "".join(
        piece if before in "[:" or piece in ",]:" else f" {piece}"
        for before, piece in zip(["[", *pieces], pieces, strict=False)
    )


def _line(depth: int) -> str:
    return "\n" + _INDENT * min(depth, _DEEPEST)


def _close(out: list[str], token: str, depth: int) -> None:
    if len(out) > 1 and out[-2] in "{[" and out[-1].startswith("\n"):
        out.pop()  # an empty one stays in its line
        out.append(token)
    else:
        out += [_line(depth), token]


def hexed(data: bytes) -> str:
    """Eight bytes a line, with the signs that they would be."""
    lines = []
    for at in range(0, len(data), _HEX_LINE):
        part = data[at : at + _HEX_LINE]
        signs = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)
        lines.append(f"{at:04x}  {part.hex(' '):<23}  {signs}")
    return "\n".join(lines)


class Sound(NamedTuple):
    """What a WAVE file says of itself. `seconds` None: it does not say it."""

    channels: int
    rate: int
    bits: int
    seconds: float | None


def sound_of(head: bytes) -> Sound | None:
    """By the first bytes of a RIFF/WAVE file; None for another, or where its format comes later."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    at, form = 12, None
    while at + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, at)
        if name == b"fmt " and at + 24 <= len(head):
            form = struct.unpack_from("<HHIIHH", head, at + 8)
        if name == b"data" and form is not None:
            _, channels, rate, byte_rate, _, bits = form
            return Sound(channels, rate, bits, size / byte_rate if byte_rate and size < 0xFFFFFFFF else None)
        at += 8 + size + size % 2
    return None if form is None else Sound(form[1], form[2], form[5], None)
