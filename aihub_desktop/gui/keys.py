"""Every shortcut of the window in one place: the pages take theirs from here, and `keys_dialog` lists them all."""

from __future__ import annotations

from typing import Final

from PySide6.QtGui import QAction, QKeySequence, QShortcut

_Standard = QKeySequence.StandardKey
_Keys = tuple[QKeySequence.StandardKey | str, ...]

# By where they hold. A standard key is what the platform says (Ctrl or Command, and which letter); on macOS a "Ctrl"
# below is Command. What a list does by itself (`lists`, `sites`) is named here for the eye alone.
KEYS: Final[dict[str, dict[str, _Keys]]] = {
    "everywhere": {
        **{name: (f"Ctrl+{at}",) for at, name in enumerate(("datasets", "storage", "downloads", "library"), 1)},
        "settings": ("Ctrl+5", _Standard.Preferences, "Ctrl+,"),
        "find": (_Standard.Find,),
        "batch": (_Standard.Open,),
        "refresh": (_Standard.Refresh, "F5"),
        "help": (_Standard.HelpContents,),
        "close": (_Standard.Close,),
        "quit": (_Standard.Quit, "Ctrl+Q"),
    },
    "lists": {
        "down": ("Down",),
        "clear": ("Esc",),
        "tick": ("Space",),
        "star": ("Space",),
        "enter": ("Return",),
        "fold": ("Right", "Left"),
    },
    "downloads": {
        "pause": ("Ctrl+P",),
        "stop": ("Ctrl+Shift+P",),
        "up": ("Alt+Up",),
        "down": ("Alt+Down",),
        "top": ("Alt+Home",),
        "end": ("Alt+End",),
        "look": ("Ctrl+I",),
        "folder": ("Ctrl+Shift+O",),
        "batch": (_Standard.Save,),
        "details": ("Ctrl+D",),
        # The key that Apple's keyboards call "delete" is another.
        "remove": (_Standard.Delete, "Ctrl+Backspace"),
        "undo": (_Standard.Undo,),
    },
    "sites": {"look-up": ("Ctrl+Return",), "take-off": (_Standard.Delete,)},
    "inside": {"find": (_Standard.Find,), "save": (_Standard.Save,)},
}


def sequences(group: str, name: str) -> list[QKeySequence]:
    """The keys of a shortcut on this platform, each once, the usual first. Needs the application object."""
    found: list[QKeySequence] = []
    for keys in KEYS[group][name]:
        found += [QKeySequence(keys)] if isinstance(keys, str) else QKeySequence.keyBindings(keys)
    return [each for at, each in enumerate(found) if each not in found[:at]]


def bind(target: QAction | QShortcut, group: str, name: str) -> None:
    """Gives an action or a shortcut its keys."""
    if isinstance(target, QAction):
        target.setShortcuts(sequences(group, name))
    else:
        target.setKeys(sequences(group, name))


def told(group: str, name: str) -> str:
    """The keys as the platform writes them; of its own usual ones the first, for the others are for old hands."""
    usual = [QKeySequence(keys) for keys in KEYS[group][name]]
    texts = [each.toString(QKeySequence.SequenceFormat.NativeText) for each in usual]
    return "  /  ".join(dict.fromkeys(filter(None, texts)))
