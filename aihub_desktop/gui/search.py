"""What a person types, matched against titles and paths while a syllable is still being typed.

Hangul is compared by its letters, laid out flat: "감ㅅ" and "감서" are found in "감성", and "가" with a
following consonant is found whether that consonant ends its syllable or begins the next. A word of
consonants alone ("ㄱㅅㄷㅎ") is compared with the first letters of the syllables, as Korean phone books do.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_FINALS: Final = (
    "ᄀ ᄁ ᄀᄉ ᄂ ᄂᄌ ᄂᄒ ᄃ ᄅ ᄅᄀ ᄅᄆ ᄅᄇ ᄅᄉ ᄅᄐ ᄅᄑ ᄅᄒ ᄆ ᄇ ᄇᄉ ᄉ ᄊ ᄋ ᄌ ᄎ ᄏ ᄐ ᄑ ᄒ"
)
_VOWELS: Final = {"ᅪ": "ᅩᅡ", "ᅫ": "ᅩᅢ", "ᅬ": "ᅩᅵ", "ᅯ": "ᅮᅥ", "ᅰ": "ᅮᅦ", "ᅱ": "ᅮᅵ", "ᅴ": "ᅳᅵ"}
_FLAT: Final = str.maketrans(
    {**{chr(0x11A8 + place): lead for place, lead in enumerate(_FINALS.split())}, **_VOWELS, "_": " "}
)
_FIRST_SYLLABLE: Final = 0xAC00
_LAST_SYLLABLE: Final = 0xD7A3
_SYLLABLES_PER_LEAD: Final = 588


def letters(text: str) -> str:
    """`text` for comparing: one spelling of equal signs, no case, Hangul letter by letter, "_" as a blank."""
    return unicodedata.normalize("NFKD", text).casefold().translate(_FLAT)


def first_letters(text: str) -> str:
    """The leading consonants of the Hangul syllables of `text`, everything else left out."""
    return "".join(
        chr(0x1100 + (ord(sign) - _FIRST_SYLLABLE) // _SYLLABLES_PER_LEAD)
        for sign in unicodedata.normalize("NFC", text)
        if _FIRST_SYLLABLE <= ord(sign) <= _LAST_SYLLABLE
    )


class Haystack:
    """A text made ready to be searched many times."""

    __slots__ = ("first", "flat")

    def __init__(self, *texts: str) -> None:
        self.flat = letters("\n".join(texts))
        self.first = first_letters("\n".join(texts))


class Needle:
    """The words of a search: all of them must occur, in any order."""

    def __init__(self, text: str) -> None:
        self.words = letters(text).split()
        self._leads = [all("ᄀ" <= sign <= "ᄒ" for sign in word) for word in self.words]

    def __bool__(self) -> bool:
        return bool(self.words)

    def found_in(self, *hays: Haystack) -> bool:
        """Whether each word occurs in one of them."""
        return all(
            any(word in hay.flat or (leads and word in hay.first) for hay in hays)
            for word, leads in zip(self.words, self._leads, strict=True)
        )

    def rank(self, key: str, title: str) -> int:
        """How near a hit is, 0 nearest: the key itself, the key's beginning, the title's beginning, anywhere."""
        if not self.words:
            return 3
        first = self.words[0]
        if key.casefold() == first:
            return 0
        if key.casefold().startswith(first):
            return 1
        return 2 if letters(title).startswith(first) else 3
