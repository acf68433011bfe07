"""The last line of a run with --json that was interrupted before it began. Imports next to nothing: it has to be
quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

# As `Report` says it of a run in which nothing happened.
_END: Final = '{"event":"end","done":0,"failed":0,"bytes":0,"received":0,"again":0,"again_because":[],"seconds":0.0}'
# As `Follower` does.
_END_OF_PUSH: Final = (
    '{"event":"end","sent":0,"there":0,"failed":0,"bytes":0,"sent_bytes":0,"passed_bytes":0,"listed":0,"seconds":0.0}'
)
# Of `aihub sync` the record of its round; 130 is that of an interruption.
_SYNC_END: Final = '{"event":"sync","exit":130,"done":0,"failed":0,"bytes":0,"next":null}'


def say_end(argv: Sequence[str]) -> None:
    """Says it where `argv` asks for it: scripts wait for a last line, however a run went."""
    given = set(argv)
    if "--json" not in given or sys.stdout is None:
        return
    if "sync" in given:
        print(_SYNC_END, flush=True)
    elif "--dry-run" in given:
        return
    elif "push" in given:
        print(_END_OF_PUSH, flush=True)
    elif given & {"get", "fetch", "repair"}:
        print(_END, flush=True)
