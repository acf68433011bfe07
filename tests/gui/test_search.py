"""Search as one types, Hangul letter by letter."""

from __future__ import annotations

import unicodedata

import pytest

from aihub_desktop.gui.search import Haystack, Needle

TITLE = "감성 대화 말뭉치, K-Fashion 과학 값 (2023)"


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "감성", "감", "감ㅅ", "감서", "대화 감성", "말뭉치 86", "86", "ㄱㅅ", "ㄱㅅㄷㅎ", "ㅁㅁㅊ", "k-f",
        "FASHION",
        "Ｋ", "과", "고", "ㄱ", "값", "갑", "갑ㅅ", "2023", "k-fashion_과학", unicodedata.normalize("NFD", "감성"),
    ],
)  # fmt: skip
def test_found(text: str) -> None:
    assert Needle(text).found_in(Haystack("86", TITLE))


@pytest.mark.parametrize("text", ["감정", "ㅎㅎ", "대화 없음", "87", "감성대", "ㄱㅅㅎ", "k fashion2"])
def test_not_found(text: str) -> None:
    assert not Needle(text).found_in(Haystack("86", TITLE))


@pytest.mark.parametrize("word", ["감성", "과학", "값", "뭉치", "닭볶음탕", "외워", "의뢰"])
def test_every_state_of_typing_finds_the_word(word: str) -> None:
    """As an input method shows it: letter after letter, whichever syllable it stands in for the moment."""
    hay = Haystack(f"앞 {word} 뒤")
    letters = unicodedata.normalize("NFD", word)
    for stop in range(1, len(letters) + 1):
        typed = unicodedata.normalize("NFC", letters[:stop])
        assert Needle(typed).found_in(hay), typed


def test_rank_puts_the_key_first_then_beginnings() -> None:
    needle = Needle("12")
    ranks = [needle.rank("12", "가"), needle.rank("123", "가"), needle.rank("9", "12월"), needle.rank("9", "가 12")]
    assert ranks == [0, 1, 2, 3]
