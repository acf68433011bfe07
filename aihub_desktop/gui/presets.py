"""Object storages that need not be typed."""

from __future__ import annotations

from typing import Final, NamedTuple

from aihub_desktop.domain.storage import Style


class Preset(NamedTuple):
    """`name` is its key among the words; `endpoint` "" is for the person to type."""

    name: str
    endpoint: str
    region: str
    style: Style = Style.AUTO


PRESETS: Final = (
    Preset("naver", "https://kr.object.ncloudstorage.com", "kr-standard"),
    Preset("naver-gov", "https://kr.object.gov-ncloudstorage.com", "gov-standard"),
    Preset("naver-gov2", "https://krs.object.gov-ncloudstorage.com", "gov2-standard"),
    Preset("ncloud", "https://kr.ncloudstorage.com", "", Style.VIRTUAL),
    Preset("aws", "https://s3.ap-northeast-2.amazonaws.com", "ap-northeast-2"),
    Preset("other", "", ""),
)


def preset_of(endpoint: str) -> int:
    """The place of the one with this endpoint, else of the last, which is for all others."""
    return next((place for place, each in enumerate(PRESETS) if each.endpoint == endpoint), len(PRESETS) - 1)
