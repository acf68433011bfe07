"""Drives the window as a screen reader's user does. Run by the system's own Python, which has pyatspi; not by ours.

`python3 assistive.py FOLDER COMMAND…`: on a session bus; starts the window by COMMAND and ends it. Prints JSON:
what has no name or no role on each page, and how the main story went.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyatspi
from gi.repository import GLib

PATIENCE = 60.0
# Parts of a control, which readers pass over: Qt gives them no name, and the control has one.
PARTS = {"scroll bar", "filler", "split pane", "layered pane", "panel", "separator", "tool bar", "scroll pane"}


def wait_for(found: Callable[[], Any], what: str) -> Any:
    """Lets the bus live until `found` gives something."""
    context, until = GLib.MainContext.default(), time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if value := found():
                return value
        except Exception as error:
            print(f"{what}: {error!r}", file=sys.stderr)
        ticked: list[bool] = []
        GLib.timeout_add(50, lambda ticked=ticked: bool(ticked.append(True)))
        while not ticked:
            context.iteration(True)
    raise SystemExit(f"not in {PATIENCE:.0f} seconds: {what}")


def application() -> Any:
    desktop = pyatspi.Registry.getDesktop(0)
    return next((one for one in desktop if one is not None and "AI Hub" in (one.name or "")), None)


def shown(root: Any) -> Iterator[Any]:
    """Everything that can be seen below `root`."""
    for each in root:
        if each is not None and each.getState().contains(pyatspi.STATE_SHOWING):
            yield each
            yield from shown(each)


def find(root: Any, role: str, name: str) -> Any:
    return next((one for one in shown(root) if one.getRoleName() == role and name in (one.name or "")), None)


def unnamed(root: Any) -> list[str]:
    """What a reader could not tell: controls without a name, cells without a text, things without a role."""
    found = []
    for one in shown(root):
        role, focusable = one.getRoleName(), one.getState().contains(pyatspi.STATE_FOCUSABLE)
        if role in ("unknown", "invalid") and focusable:
            found.append(f"no role: {one.name!r}")
        if focusable and role not in PARTS and not one.name:
            found.append(f"no name: {role} in {path(one)}")
    return found


def path(one: Any) -> str:
    names = []
    while one is not None and one.getRoleName() != "application":
        names.append(f"{one.getRoleName()} {one.name!r}")
        one = one.parent
    return " < ".join(names[:6])


def go(root: Any, page: str) -> None:
    """By the list of pages, as the keyboard does it."""
    pages = find(root, "list", "Pages")
    place = next(number for number, item in enumerate(pages) if page in item.name)
    pages.querySelection().selectChild(place)
    wait_for(lambda: pages[place].getState().contains(pyatspi.STATE_SELECTED), f"the page {page}")


def act(one: Any, *names: str) -> None:
    action = one.queryAction()
    known = [action.getName(number) for number in range(action.nActions)]
    action.doAction(next(known.index(name) for name in names if name in known))


def enabled(one: Any) -> Any:
    return one if one is not None and one.getState().contains(pyatspi.STATE_ENABLED) else None


def choose(cell: Any) -> None:
    """A cell of a table."""
    table = cell.parent
    table.querySelection().selectChild(cell.getIndexInParent())


def story(root: Any, folder: str) -> str:
    """Search, choose, tick, download: told by what the reader would speak at its end."""
    go(root, "Datasets")
    wait_for(lambda: find(root, "table cell", "90008"), "the list")
    find(root, "text", "Search").queryEditableText().setTextContents("90008")
    cell = wait_for(lambda: find(root, "table cell", "90008"), "the dataset")
    choose(cell)
    tick = wait_for(lambda: find(root, "push button", "Select all"), "the files")
    act(tick, "Press")
    field = wait_for(lambda: find(root, "text", "Save to"), "the folder")
    field.queryEditableText().setTextContents(folder)
    act(wait_for(lambda: enabled(find(root, "push button", "Download")), "the button"), "Press")
    done = wait_for(lambda: find(root, "table cell", "Done, verified"), "the end of the download")
    return str(done.name)


def drive(folder: str) -> dict[str, Any]:
    app = wait_for(application, "the window on the bus")
    root = wait_for(lambda: next(iter(app), None), "the window")
    wait_for(lambda: find(root, "table cell", "9000"), "the list of datasets")
    nameless = {}
    for page in ("Storage", "Library", "Settings", "Downloads", "Datasets"):
        go(root, page)
        if found := unnamed(root):
            nameless[page] = found
    told = story(root, folder)
    if found := unnamed(root):
        nameless["Downloads, with one"] = found
    return {"unnamed": nameless, "story": told}


def main(folder: str, *command: str) -> None:
    window = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        print(json.dumps(drive(folder)))
    finally:
        window.terminate()
        window.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
