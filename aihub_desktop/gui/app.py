"""The program around the window: its application object, its language, its ends."""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QSettings, QSocketNotifier, QTranslator
from PySide6.QtWidgets import QApplication, QMessageBox

from aihub_desktop import __version__
from aihub_desktop.domain import addresses, links
from aihub_desktop.domain.faults import Code, Problem, ProblemError
from aihub_desktop.gui import icons, theme
from aihub_desktop.gui.desk import Desk, is_first_start
from aihub_desktop.gui.engine_link import EngineLink
from aihub_desktop.gui.front_door import FrontDoor
from aihub_desktop.system import folders, logs, program
from aihub_desktop.system.words import Words

if TYPE_CHECKING:
    from aihub_desktop.gui.window import Window


class Program:
    """Holds what lives as long as the window. `explicit` is the language of the command line, or None."""

    def __init__(self, app: QApplication, home: Path, hub: str, explicit: str | None) -> None:
        self._app = app
        self._translator: QTranslator | None = None
        kept = QSettings(str(home / "window.ini"), QSettings.Format.IniFormat).value("language", "")
        words = Words(explicit or str(kept) or None)
        self.translate(words)
        self.link = EngineLink(program.command("engine", "--home", str(home), "--api-url", hub))
        self.desk = Desk(self.link, words, home, hub)
        first = is_first_start(self.desk)
        self.desk.start()
        # The engine's start and the window's, a third of a second each, go on beside each other.
        from aihub_desktop.gui.window import Window  # noqa: PLC0415

        self.window = Window(self.desk, first=first)
        self.window.language_wanted.connect(self.speak)

    def start(self) -> None:
        self.window.show()
        self.window.presence.begin()

    def called(self, words: list[str]) -> None:
        """A later start: the window comes, with what it was started for."""
        self.window.come()
        self.window.arrivals.open(words)

    def translate(self, words: Words) -> None:
        """Qt's own few words: menus of text fields, buttons of the folder chooser."""
        QLocale.setDefault(QLocale("ko_KR" if words.language == "ko" else "en_US"))
        if self._translator is not None:
            self._app.removeTranslator(self._translator)
            self._translator = None
        if words.language == "ko":
            translator = QTranslator(self._app)
            if translator.load("qtbase_ko", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
                self._app.installTranslator(translator)
                self._translator = translator

    def speak(self, wanted: str) -> None:
        """Another language from now on: "ko", "en", or "" for the system's."""
        self.translate(Words(wanted or None))
        self.window.change_language(wanted)


def application(argv: Sequence[str]) -> QApplication:
    """The one application object, dressed as this program."""
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(list(argv))
    app.setApplicationName("AI Hub Desktop")
    app.setApplicationDisplayName("AI Hub Desktop")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("aihub-desktop")
    app.setWindowIcon(icons.program_icon())
    theme.dress_platform(app)
    app.styleHints().colorSchemeChanged.connect(lambda _: theme.dress_platform(app))
    # The engine is still saving when the last window has vanished.
    app.setQuitOnLastWindowClosed(False)
    return app


def run(
    argv: Sequence[str], *, home: str | None, api_url: str | None, language: str | None, words: Sequence[str] = ()
) -> int:
    """The window until it is closed; the result is the exit code. `words`: links, addresses and files to open."""
    app = application(argv)
    try:
        hub = folders.hub(api_url)
        state = folders.home(hub, home)
        state.mkdir(parents=True, exist_ok=True)
    except ProblemError as error:
        return _refuse(Words(language), error.problem)
    except OSError as error:
        return _refuse(Words(language), Problem(Code.NOT_WRITABLE, {"why": error.strerror or ""}))
    door = FrontDoor(state)
    wanted = [
        word if links.is_link(word) or addresses.has_scheme(word) else str(Path(word).absolute()) for word in words
    ]
    if not door.open():
        return 0 if door.knock(wanted) else _tell_silent(Words(language))
    logs.start(state, "window")
    # What is there at the first picture stays until the end: to walk over it would slow the start,
    # and hold the window up for 10 to 20 ms each time later.
    gc.disable()
    whole = Program(app, state, hub, language)
    whole.window.gone.connect(app.quit)
    app.aboutToQuit.connect(whole.link.close_now)
    app.installEventFilter(whole.window.arrivals)
    door.called.connect(whole.called)
    door.dismissed.connect(whole.window.leave)
    with _ending_on_signals(whole.window):
        whole.start()
        whole.window.arrivals.open(wanted)
        gc.collect()
        gc.freeze()
        gc.enable()
        code = app.exec()
    door.close()
    return code


def dismiss(argv: Sequence[str], *, home: str | None, api_url: str | None) -> int:
    """Ends the window of a state folder in order. 0 where none is left, 1 where it does not answer."""
    _app = QCoreApplication.instance() or QCoreApplication(list(argv))
    try:
        state = folders.home(folders.hub(api_url), home)
    except ProblemError:
        return 2
    return 0 if not state.is_dir() or FrontDoor(state).dismiss() else 1


def _refuse(words: Words, problem: Problem) -> int:
    told = words.problem(problem)
    return _end(words, told.title, told.advice)


def _tell_silent(words: Words) -> int:
    return _end(words, words.say("gui.second.silent"), words.say("gui.second.silent-text"))


def _end(words: Words, title: str, advice: str) -> int:
    print(f"{title}\n{advice}", file=sys.stderr)
    QMessageBox.critical(None, words.say("gui.window.title"), f"{title}\n\n{advice}")
    return 2


@contextlib.contextmanager
def _ending_on_signals(window: Window) -> Iterator[None]:
    """Ctrl-C in the terminal and a session's SIGTERM close the window as a click does, without a question.

    Python runs a handler between two of its own instructions, and Qt's loop has none: the signal's number
    comes through a socket that the loop watches.
    """
    near, far = socket.socketpair()
    near.setblocking(False)
    far.setblocking(False)
    notifier = QSocketNotifier(far.fileno(), QSocketNotifier.Type.Read)

    def heard(*_: object) -> None:
        far.recv(64)
        window.leave()

    notifier.activated.connect(heard)
    old_fd = signal.set_wakeup_fd(near.fileno(), warn_on_full_buffer=False)
    old = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        notifier.setEnabled(False)
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_fd)
        near.close()
        far.close()
