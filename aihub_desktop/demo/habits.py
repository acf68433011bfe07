"""What nobody knows of the real hub, each as a switch: `hub.habits = Habits(stream_wants_key=True)`.

No fault is among these: a hub with any of them serves right bytes, and the program must work with all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCRIPT: Final = "#!/bin/bash\n# 데모 허브의 스크립트, version 26.01.02 v0.6\n# /down/0.6/DATASET.do\nexit 0\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How this hub does what no report tells."""

    stream_wants_key: bool = False  # the stream host refuses whoever comes without the key
    serves: int | None = None  # how many times one address serves; None for any number
    fresh_times: bool = False  # members bear the time of the answer, so no two tars are alike
    honours_range: bool = False  # 206 and the part that was asked for
    clock: float | None = 0.0  # seconds by which the Date header is ahead; None for no such header
    script: str = SCRIPT  # what /api/aihubshell.do answers
