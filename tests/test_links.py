"""Links to datasets: which lead somewhere, and which do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aihub_desktop.domain import links


@pytest.mark.parametrize(
    "text",
    [
        "aihub:71631",
        "AIHUB:71631",
        "aihub:dataset/71631",
        "aihub://dataset/71631",
        "aihub://dataset/71631/",
        "aihub://71631",
        " aihub:71631\n",
        "https://aihub.or.kr/aihubdata/data/view.do?dataSetSn=71631",
        "https://www.aihub.or.kr/aihubdata/data/view.do?currMenu=115&topMenu=100&aihubDataSe=data&dataSetSn=71631",
        "http://www.aihub.or.kr/aihubdata/data/view.do?dataSetSn=71631#tab",
    ],
)
def test_these_lead_to_a_dataset(text: str) -> None:
    assert links.dataset_of(text) == "71631"


@pytest.mark.parametrize(
    "text",
    [
        "aihub:",
        "aihub:71631/../../etc",
        "aihub:download/71631",
        "aihub:71631?to=/home",
        "aihub:12345678901",
        "aihub:٧١",  # digits of another script
        "https://aihub.or.kr.example.com/view.do?dataSetSn=71631",
        "https://example.com/?dataSetSn=71631",
        "https://aihub.or.kr/view.do?dataSetSn=71631&dataSetSn=2",
        "https://aihub.or.kr/view.do?dataSetSn=71631x",
        "https://[aihub.or.kr/?dataSetSn=71631",
        "file:///aihub?dataSetSn=71631",
        "71631",
        "",
    ],
)
def test_these_do_not(text: str) -> None:
    assert links.dataset_of(text) is None


@given(st.text(max_size=200))
def test_any_text_gives_a_key_or_none(text: str) -> None:
    for word in (text, f"aihub:{text}", f"https://aihub.or.kr/?dataSetSn={text}"):
        key = links.dataset_of(word)
        assert key is None or (key.isascii() and key.isdigit())


def test_ours_are_known_by_their_scheme() -> None:
    assert links.is_link("aihub:what ever")
    assert links.is_link(" AIHub://x")
    assert not links.is_link("https://aihub.or.kr/")
