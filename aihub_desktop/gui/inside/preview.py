"""One entry of an archive, looked at: a picture, a text, the facts of a sound, else its first bytes."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QFont, QFontDatabase
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from aihub_desktop.domain.faults import Code, Problem
from aihub_desktop.domain.inside import EntryRow
from aihub_desktop.gui.inside.colours import JsonColours
from aihub_desktop.gui.inside.content import TEXTS, Content, content_of, end_of, picture_format
from aihub_desktop.gui.inside.look import Look
from aihub_desktop.gui.inside.picture import MOST_BYTES, Darkroom, Developed, PictureView
from aihub_desktop.gui.inside.texts import broken, decoded, drawn, hexed, sound_of
from aihub_desktop.gui.parts import ElidedLabel, EmptyPlace, FaintLabel, bold
from aihub_desktop.gui.theme import GRID
from aihub_desktop.system.words import Words

MOST_TEXT: Final = 256 << 10  # bytes of a text that are shown
_HEX: Final = 256
_PLAYED: Final = frozenset({Content.SOUND, Content.VIDEO, Content.PDF})
_SLOW_MS: Final = 250  # what comes sooner needs no word that it comes


class Preview(QWidget):
    """Shows what `show_row` gives it. `head` is what is known of the entry's first bytes."""

    def __init__(self, look: Look, words: Words, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look, self._words = look, words
        self._number = 0  # of what is looked at, so that a late picture is known as such
        self._row: EntryRow | None = None
        self._told = ""
        self.head = b""
        self.name = ElidedLabel()
        bold(self.name)
        self.facts = FaintLabel()
        self.facts.setWordWrap(True)
        self.text = QPlainTextEdit(readOnly=True, undoRedoEnabled=False)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setFont(_even_font(self))
        self.text.setTabStopDistance(self.text.fontMetrics().horizontalAdvance("    "))
        # Else the keyboard could not leave it.
        self.text.setTabChangesFocus(True)
        self._colours = JsonColours(self.text.document(), self.palette())
        self.picture = PictureView()
        self.note, self.trouble = EmptyPlace("library"), EmptyPlace("warning")
        self._darkroom = Darkroom()
        self._darkroom.developed.connect(self._developed)
        self._slow = QTimer(self, singleShot=True, interval=_SLOW_MS)
        self._slow.timeout.connect(lambda: self._say(self._words.say("gui.inside.reading-entry")))
        self._stack = QStackedWidget()
        self._lay_out()
        self.speak(words)

    def _lay_out(self) -> None:
        for page in (self.note, self.trouble, self.text, self.picture):
            self._stack.addWidget(page)
        box = QVBoxLayout(self)
        box.setContentsMargins(GRID * 2, 0, 0, 0)
        box.setSpacing(GRID // 2)
        box.addWidget(self.name)
        box.addWidget(self.facts)
        box.addSpacing(GRID // 2)
        box.addWidget(self._stack, 1)

    def speak(self, words: Words) -> None:
        self._words = words
        self.text.setAccessibleName(words.say("gui.inside.preview"))
        self.picture.setAccessibleName(words.say("gui.inside.preview"))
        self.show_row(self._row)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() is QEvent.Type.PaletteChange and hasattr(self, "_colours"):
            self._colours.tint(self.palette())
            self._colours.rehighlight()

    @property
    def row(self) -> EntryRow | None:
        return self._row

    @property
    def told(self) -> str:
        """The sentence in place of a preview, "" where there is one."""
        return self._told if self._stack.currentWidget() in (self.note, self.trouble) else ""

    # ---- what is shown ----

    def show_row(self, row: EntryRow | None) -> None:
        self._number += 1
        self._row, self.head = row, b""
        self._look.forget()
        self._slow.stop()
        self.name.say("" if row is None else row.name.rpartition("/")[2])
        self._tell_facts()
        if row is None:
            self._say(self._words.say("gui.inside.choose"))
        elif row.closed is not None:
            why = self._words.say(f"refusal.{row.closed}")
            self._say(self._words.say("gui.inside.closed", why=why), is_wrong=True)
        else:
            self._slow.start()
            self._look.read(row, lambda head: _wanted(row, head), lambda *found: self._come(row, *found), self._fail)

    def _tell_facts(self, *more: str) -> None:
        row = self._row
        if row is None:
            self.facts.setText("")
            return
        kind = end_of(row.name).upper()
        self.facts.setText(" · ".join(part for part in (kind, self._words.size(row.size), *more) if part))

    def _come(self, row: EntryRow, data: bytes, is_whole: bool) -> None:
        self._slow.stop()
        self.head = data[:_HEX]
        content, form = content_of(row.name, data), picture_format(data)
        if form and is_whole:
            self._darkroom.develop(self._number, data, form)
        elif form:
            self._say(self._words.say("gui.inside.too-large"))
        elif content in _PLAYED:
            self._show_played(data)
        elif (content in TEXTS or content is Content.OTHER) and self._show_text(content, data, is_whole):
            pass
        else:
            self._show_bytes(content, data)

    def _show_played(self, data: bytes) -> None:
        """What needs a program of its own to be seen or heard."""
        if (sound := sound_of(data)) is not None:
            say, length = self._words.say, "" if sound.seconds is None else self._words.duration(sound.seconds)
            rate = f"{sound.rate / 1000:g}"
            self._tell_facts(say("gui.inside.sound", rate=rate, n=sound.channels, bits=sound.bits, length=length))
        self._say(self._words.say("gui.inside.played"), self._words.say("gui.inside.played-text"))

    def _show_text(self, content: Content, data: bytes, is_whole: bool) -> bool:
        found = decoded(data[:MOST_TEXT], is_cut=not is_whole or len(data) > MOST_TEXT)
        if found is None or not data:
            if not data:
                self._say(self._words.say("gui.inside.empty"))
            return not data
        text, encoding = found
        is_cut = not is_whole or len(data) > MOST_TEXT
        say = self._words.say
        cut = say("gui.inside.cut", size=self._words.size(min(MOST_TEXT, len(data)))) if is_cut else ""
        self._tell_facts(encoding.upper(), cut)
        self._put(broken(drawn(text) if content is Content.JSON else text), is_json=content is Content.JSON)
        return True

    def _show_bytes(self, content: Content, data: bytes) -> None:
        say = self._words.say
        kind = "" if content is Content.OTHER else say(f"gui.inside.is.{content}")
        self._tell_facts(kind, say("gui.inside.first", n=min(_HEX, len(data))))
        self._put(hexed(data[:_HEX]), is_json=False, is_wrapped=False)

    def _put(self, text: str, *, is_json: bool, is_wrapped: bool = True) -> None:
        wrap = QPlainTextEdit.LineWrapMode
        self._colours.switch(is_json)
        self.text.setLineWrapMode(wrap.WidgetWidth if is_wrapped else wrap.NoWrap)
        self.text.setPlainText(text)
        self._stack.setCurrentWidget(self.text)

    def _developed(self, number: int, picture: Developed) -> None:
        if number != self._number:
            return
        if picture.image.isNull():
            self._say(self._words.say("gui.inside.no-picture"), is_wrong=True)
            return
        size = picture.size
        self._tell_facts(self._words.say("gui.inside.dots", width=f"{size.width():,}", height=f"{size.height():,}"))
        self.picture.show_image(picture.image)
        self._stack.setCurrentWidget(self.picture)

    def _fail(self, problem: Problem) -> None:
        self._slow.stop()
        if problem.code is Code.BAD_ARCHIVE:
            self._say(self._words.say("gui.inside.damaged"), self._words.say("gui.inside.damaged-text"), is_wrong=True)
        else:
            self._say(*self._words.problem(problem), is_wrong=True)

    def _say(self, title: str, text: str = "", *, is_wrong: bool = False) -> None:
        note = self.trouble if is_wrong else self.note
        note.tell(title, text)
        note.setAccessibleName(title)
        self._told = title
        self._stack.setCurrentWidget(note)


def _wanted(row: EntryRow, head: bytes) -> int:
    """How many bytes are enough, by the first of them."""
    if picture_format(head):
        return row.size if row.size <= MOST_BYTES else 0
    content = content_of(row.name, head)
    return MOST_TEXT if content in TEXTS else 0


def _even_font(widget: QWidget) -> QFont:
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    if widget.font().pointSizeF() > 0:
        font.setPointSizeF(widget.font().pointSizeF() * 0.95)
    return font
