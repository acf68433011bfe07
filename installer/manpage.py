"""The manual page of `aihub`, made from what its own help says: one page, a section a command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Final

from aihub_desktop.cli.arguments import program
from aihub_desktop.system.words import Words
from installer.common import VERSION

HEADS: Final = {
    "en": ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "EXIT STATUS", "SEE ALSO"),
    "ko": ("이름", "개요", "설명", "옵션", "명령", "종료 코드", "관련 항목"),
}


def page(language: str) -> str:
    """aihub(1) in `language`, as roff."""
    words = Words(language)
    parser = program(words)
    name, synopsis, description, options, commands, status, also = HEADS[language]
    about = parser.description or ""
    first = re.split(r"[.,](?:\s|$)", about.replace("\n", " "))[0]
    parts = [
        f'.TH AIHUB 1 "" "aihub {VERSION}" "AI Hub Desktop"',
        f".SH {name}", f"aihub \\- {escaped(first)}",
        f".SH {synopsis}", ".B aihub", r"[\fIOPTION\fR ...] \fICOMMAND\fR [\fIARGUMENT\fR ...]",
        f".SH {description}", escaped(about),
        f".SH {options}", *options_of(parser),
        f".SH {commands}", *commands_of(parser, "aihub"),
        f".SH {status}", ".nf", escaped(parser.epilog or ""), ".fi",
        f".SH {also}", ".BR aihub\\-desktop (1)",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def window_page() -> str:
    """aihub-desktop(1): the window takes few words, and its help lies in itself."""
    return rf""".TH AIHUB\-DESKTOP 1 "" "aihub-desktop {VERSION}" "AI Hub Desktop"
.SH NAME
aihub\-desktop \- window of the download manager for AI Hub's datasets
.SH SYNOPSIS
.B aihub\-desktop
[\fB\-\-home\fR \fIDIR\fR] [\fB\-\-api\-url\fR \fIURL\fR] [\fB\-\-lang\fR \fIko|en\fR] [\fILINK\fR|\fIFILE\fR ...]
.SH DESCRIPTION
Opens the window; a second start brings the first one to the front. A \fILINK\fR (aihub:71631, or the address of a
dataset's page) opens that dataset, a \fIFILE\fR (.aihubbatch) that batch. Nothing begins to download by itself.
.SH OPTIONS
.TP
\fB\-\-home\fR \fIDIR\fR
another state folder
.TP
\fB\-\-api\-url\fR \fIURL\fR
address of another hub
.TP
\fB\-\-lang\fR \fIko|en\fR
the language
.SH SEE ALSO
.BR aihub (1)
"""


def escaped(text: str) -> str:
    r"""As roff takes it: "\" and "-" are its own, and so is a "." or "'" at the start of a line."""
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"(?m)^(?=[.'])", r"\\&", plain)


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        yield ".TP"
        yield named(action)
        yield escaped((action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%"))


def named(action: argparse.Action) -> str:
    value = action.metavar if isinstance(action.metavar, str) else (action.dest if action.choices is None else "")
    if action.choices is not None and not value:
        value = "|".join(str(choice) for choice in action.choices)
    if not action.option_strings:
        return rf"\fI{escaped(value)}\fR"
    spelled = ", ".join(rf"\fB{escaped(word)}\fR" for word in action.option_strings)
    return spelled if action.nargs == 0 else rf"{spelled} \fI{escaped(value)}\fR"


def commands_of(parser: argparse.ArgumentParser, path: str) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield f'.SS "{escaped(f"{path} {name}")}"'
                yield escaped(child.description or "")
                own = [each for each in child._actions if each.dest not in ("help", "api_url", "home", "lang")]
                child._actions[:] = own
                yield from options_of(child)
                yield from commands_of(child, f"{path} {name}")
