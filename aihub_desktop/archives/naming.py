"""What the bytes of names in an archive mean. Old Korean programs write cp949 without saying so."""

from __future__ import annotations

import contextlib
from typing import Final

UTF8: Final = "utf-8"
KOREAN: Final = "cp949"
_ANYTHING: Final = b"a\x80\xff"


def is_encoding(name: str) -> bool:
    """Whether text can be read by an encoding of this name."""
    with contextlib.suppress(LookupError, UnicodeError, TypeError, ValueError):
        # Some codecs of Python know no "replace", and some make no text at all.
        return isinstance("".encode(name), bytes) and isinstance(_ANYTHING.decode(name, "replace"), str)
    return False


class Naming:
    """Sees every name that does not say what it is, then knows: UTF-8 if all of them are that, else cp949."""

    def __init__(self, chosen: str = "") -> None:
        """`chosen`: by a person; "" for what seems right."""
        self.encoding = chosen or UTF8
        self._open = not chosen

    def see(self, raw: bytes) -> None:
        if self._open:
            try:
                raw.decode(UTF8)
            except UnicodeDecodeError:
                self.encoding, self._open = KOREAN, False

    def text(self, raw: bytes, *, says_utf8: bool = False) -> str:
        """What cannot be read becomes U+FFFD."""
        try:
            return raw.decode(UTF8 if says_utf8 else self.encoding)
        except UnicodeDecodeError:
            return raw.decode(self.encoding, "replace")
