"""Bytes from bytes: one to a few changes of the kinds that break readers."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

_NUMBERS: Final = (
    *(0, 1, 2, 4, 7, 8, 16, 20, 22, 30, 46, 56, 127, 128, 255, 256, 511, 512, 513, 1024, 4096, 4300, 32767, 32768),
    *(65534, 65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 2, (1 << 32) - 1, 1 << 32, (1 << 53) + 1),
    *((1 << 62) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, 10**20, 10**40),
)
_SIGNS: Final = (
    *(b"\0", b"\n", b"\r\n", b"\r", b" ", b"\t", b"/", b"\\", b"..", b"../", b".", b"\"", b"'", b"<", b">", b"&", b"%"),
    *(b"\xff", b"\xfe", b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xe2\x80\xae"),
    *("가".encode(), "가".encode("cp949"), "\u1100\u1161".encode(), b"\\ud800", b"%00", b"&#x41;", b"=", b":", b";"),
)  # fmt: skip
_DIGITS: Final = re.compile(rb"[0-9]+")
_MOST_CHANGES: Final = 6
# Inputs that are kept are short, for there is time for more of them. What takes the square of its length is seen in
# long ones only: one in so many repeats a slice as often as there is room.
LONGEST: Final = 128 << 10
_LONG_RUN: Final = 150


class Mutator:
    """Gives inputs of at most `longest` bytes, and long ones now and then, made of those it is shown."""

    def __init__(self, rng: random.Random, tokens: Sequence[bytes], longest: int) -> None:
        self._rng = rng
        self._tokens = tokens
        self._longest = longest
        self._ways: Final[tuple[Callable[[bytearray], None], ...]] = (
            *(self._bit, self._byte, self._byte, self._number, self._number, self._text_number, self._text_number),
            *(self._sign, self._drop, self._drop, self._double, self._move, self._cut_off, self._zeros),
            *((self._token, self._token, self._token) if tokens else ()),
        )

    def changed(self, data: bytes, other: bytes) -> bytes:
        """A new input out of one, and of a slice of another now and then."""
        rng = self._rng
        made = bytearray(data)
        if rng.random() < 0.1:
            at = rng.randrange(len(made) + 1)
            made[at : at + rng.choice((0, rng.randrange(len(other) + 1)))] = self._slice(other)
        for _ in range(rng.choice((1, 1, 1, 2, 3, _MOST_CHANGES))):
            rng.choice(self._ways)(made)
        if rng.randrange(_LONG_RUN) == 0:
            self._repeat(made)
            return bytes(made[:LONGEST])
        return bytes(made[: self._longest])

    def _at(self, data: bytearray) -> int:
        return self._rng.randrange(len(data)) if data else 0

    def _slice(self, data: bytes | bytearray) -> bytes:
        start = self._rng.randrange(len(data) + 1)
        return bytes(data[start : start + self._rng.choice((1, 4, 16, 64, 512, len(data)))])

    def _bit(self, data: bytearray) -> None:
        if data:
            data[self._at(data)] ^= 1 << self._rng.randrange(8)

    def _byte(self, data: bytearray) -> None:
        if data:
            data[self._at(data)] = self._rng.randrange(256)

    def _number(self, data: bytearray) -> None:
        width, order = self._rng.choice((1, 2, 2, 4, 4, 8)), self._rng.choice(("little", "little", "big"))
        number = self._rng.choice(_NUMBERS) % (1 << 8 * width)
        at = self._at(data)
        data[at : at + width] = number.to_bytes(width, "big" if order == "big" else "little")

    def _text_number(self, data: bytearray) -> None:
        found = list(_DIGITS.finditer(data, self._at(data)))[:3] or list(_DIGITS.finditer(data))[:20]
        if not found:
            return
        match = self._rng.choice(found)
        number = self._rng.choice((*_NUMBERS, int(match[0][:18]) + 1, max(0, int(match[0][:18]) - 1)))
        new = self._rng.choice((b"%d", b"-%d", b"%o", b"%x", b"0%d", b"%d.5e9")) % number
        data[match.start() : match.end()] = new

    def _sign(self, data: bytearray) -> None:
        at = self._at(data)
        sign = self._rng.choice(_SIGNS)
        data[at : at + self._rng.choice((0, len(sign)))] = sign

    def _token(self, data: bytearray) -> None:
        at = self._at(data)
        token = self._rng.choice(self._tokens)
        data[at : at + self._rng.choice((0, len(token)))] = token

    def _drop(self, data: bytearray) -> None:
        at = self._at(data)
        del data[at : at + self._rng.choice((1, 1, 2, 4, 16, 100, 512))]

    def _double(self, data: bytearray) -> None:
        at = self._at(data)
        piece = data[at : at + self._rng.choice((1, 4, 16, 100, 512, 1024))]
        data[at:at] = piece

    def _move(self, data: bytearray) -> None:
        piece = self._slice(data)
        at = self._at(data)
        data[at : at + self._rng.choice((0, len(piece)))] = piece

    def _cut_off(self, data: bytearray) -> None:
        if self._rng.random() < 0.5:
            del data[self._at(data) :]
        else:
            del data[: self._at(data)]

    def _zeros(self, data: bytearray) -> None:
        at = self._at(data)
        data[at : at + self._rng.choice((0, 16))] = bytes(self._rng.choice((1, 16, 512, 1024)))

    def _repeat(self, data: bytearray) -> None:
        at = self._at(data)
        piece = data[at : at + self._rng.choice((1, 2, 3, 8, 30, 100))]
        if piece:
            room = max(0, LONGEST - len(data)) // len(piece)
            data[at:at] = piece * self._rng.choice((min(room, 1000), room))
