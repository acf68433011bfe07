"""`python -m aihub_desktop.demo`: the demo hub alone. Prints what to export, serves until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import threading

from aihub_desktop.demo.catalogue import DEMO_KEY
from aihub_desktop.demo.faults import Slow
from aihub_desktop.demo.hub import DemoHub
from aihub_desktop.demo.offer import standard


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m aihub_desktop.demo")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=int, default=0, metavar="BYTES")
    chosen = parser.parse_args(argv)
    with DemoHub(standard(), api_port=chosen.port) as hub:
        if chosen.rate > 0:
            hub.faults.add(Slow(rate=chosen.rate))
        # Whatever the shell that started us thought of them: a job in the background is begun with Ctrl-C ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        print(f"AIHUB_API_URL={hub.url}", f"AIHUB_APIKEY={DEMO_KEY}", sep="\n", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                threading.Event().wait(0.5)  # in turns: Windows hears no Ctrl-C during a wait
    return 0


if __name__ == "__main__":
    sys.exit(main())
