"""The program as a person starts it; it says when what was seen first, and ends.

python -m tests.bench.started HOME HUB      prints one line of JSON; moments are those of `time.monotonic`
"""

from __future__ import annotations

import json
import sys
import time

from PySide6.QtCore import QEvent, QObject, QTimer

from aihub_desktop.gui import app
from aihub_desktop.gui.window import Window


class Eye(QObject):
    """Sees the first picture of the window, the engine's first word, and the first picture with the catalogue."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, float] = {}

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not self.seen and event.type() is QEvent.Type.Paint and isinstance(watched, Window):
            self.seen["paints"] = time.monotonic()
            watched.desk.found.connect(lambda: self.seen.setdefault("engine", time.monotonic()))
            # The picture is whole once its paint events are over; the loop comes back to us behind them.
            QTimer.singleShot(0, self, lambda: self._painted(watched))
        return False

    def _painted(self, window: Window) -> None:
        self.seen["painted"] = time.monotonic()
        self._look(window)

    def _look(self, window: Window) -> None:
        if "engine" in self.seen and window.desk.datasets.rowCount():
            window.repaint()
            self.seen["catalogue"] = time.monotonic()
            window.leave()
        else:
            QTimer.singleShot(2, self, lambda: self._look(window))


def main(home: str, hub: str) -> int:
    eye, application = Eye(), app.application(sys.argv[:1])
    application.installEventFilter(eye)
    code = app.run(sys.argv[:1], home=home, api_url=hub, language="ko")
    print(json.dumps(eye.seen))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
