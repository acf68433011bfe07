"""What the command line takes. Its texts come from the catalogue, errors included."""

from __future__ import annotations

import argparse
import functools
import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from aihub_desktop import __version__
from aihub_desktop.cli.exits import Exit
from aihub_desktop.domain.addresses import checksum
from aihub_desktop.domain.settings import Settings, changed
from aihub_desktop.domain.sharing import PORT
from aihub_desktop.system.amounts import amount
from aihub_desktop.system.words import LANGUAGES, Words

PROGRAM: Final = "aihub"

# The parser's own English, and our sentence for it: (pattern, key). Named groups become facts.
_ERRORS: Final = (
    (r"the following arguments are required: (?P<names>.+)", "cli.usage.required"),
    (r"unrecognized arguments: (?P<names>.+)", "cli.usage.unknown"),
    (r"argument (?P<name>[^:]+): expected .*arguments?", "cli.usage.value-missing"),
    (r"argument (?P<name>[^:]+): ignored explicit argument .+", "cli.usage.no-value"),
    (r"argument (?P<name>[^:]+): invalid choice: (?P<value>.+) \(choose from (?P<choices>.+)\)", "cli.usage.choice"),
    (r"argument (?P<name>[^:]+): not allowed with argument (?P<other>.+)", "cli.usage.not-both"),
    (r"argument (?P<name>--checksum): invalid .* value: (?P<value>.+)", "cli.usage.checksum"),
    (r"argument (?P<name>--limit): invalid .* value: (?P<value>.+)", "cli.usage.amount"),
    (r"argument (?P<name>--part-size): invalid .* value: (?P<value>.+)", "cli.usage.part-size"),
    (r"argument (?P<name>--largest-file): invalid .* value: (?P<value>.+)", "cli.usage.largest-file"),
    (r"argument (?P<name>--every): invalid .* value: (?P<value>.+)", "cli.usage.interval"),
    (r"argument (?P<name>--dask): invalid .* value: (?P<value>.+)", "cli.usage.scheduler"),
    (r"argument (?P<name>--hours): invalid .* value: (?P<value>.+)", "cli.usage.week"),
    (r"argument (?P<name>[^:]+): invalid .* value: (?P<value>.+)", "cli.usage.value"),
)


_INTERVAL: Final = re.compile(r"(?:(\d{1,3})d)?(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)
_SECONDS: Final = (86_400, 3_600, 60, 1)
_LONGEST_INTERVAL: Final = 366 * 86_400


class UsageError(Exception):
    """What the user wrote cannot be obeyed; `text` says why, in the user's language."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def check_text(texts: Iterable[str], words: Words) -> None:
    """Raises `UsageError` for a text with bytes that are no UTF-8: it could neither be sent nor stored."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(text).decode("utf-8", "backslashreplace")
            raise UsageError(words.say("cli.usage.not-text", value=shown)) from None


def wanted_language(words: Sequence[str]) -> str | None:
    """The value of --lang, before anything else is read: the texts of the parser itself depend on it."""
    for place, word in enumerate(words):
        if word == "--lang" and place + 1 < len(words):
            return words[place + 1]
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return None


def parse(argv: Sequence[str], words: Words) -> argparse.Namespace:
    """The arguments, with `command` naming the command. Raises `SystemExit`, having said why or shown the help."""
    return program(words).parse_args(argv)


def program(words: Words) -> argparse.ArgumentParser:
    """All that `aihub` takes, for its runs and its manual pages."""
    parser = _Parser(words, prog=PROGRAM, description=words.say("cli.help.description"))
    parser.epilog = words.say("cli.help.exits")
    # Given here once, the globals keep a value from before the command where there is none behind it.
    parser.set_defaults(api_url=None, home=None, lang=None)
    version = f"{PROGRAM} {__version__}"
    parser.options.add_argument("--version", action="version", version=version, help=_help(words, "version"))
    commands = parser.add_subparsers(
        title=words.say("cli.help.commands"), dest="command", metavar="COMMAND", required=True, parser_class=_Child
    )
    for name, fill in _COMMANDS.items():
        fill(commands.add_parser(name, words=words, help=_help(words, name), description=_help(words, name)))
    return parser


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """The help's layout, with our word for "usage"."""

    def __init__(self, prog: str, *, usage_prefix: str) -> None:
        super().__init__(prog)
        self._usage_prefix = usage_prefix

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, self._usage_prefix if prefix is None else prefix)


class _Parser(argparse.ArgumentParser):
    """A parser whose every text is of the catalogue, with the options that every command takes."""

    def __init__(self, words: Words, **given: Any) -> None:
        formatter = functools.partial(_Formatter, usage_prefix=words.say("cli.help.usage"))
        super().__init__(add_help=False, allow_abbrev=False, formatter_class=formatter, **given)
        self.words = words
        self.named = self.add_argument_group(words.say("cli.help.arguments"))
        self.options = self.add_argument_group(words.say("cli.help.options"))
        self.options.add_argument("-h", "--help", action="help", help=_help(words, "help"))
        for name, metavar in (("--api-url", "URL"), ("--home", "DIR")):
            self.options.add_argument(name, metavar=metavar, default=argparse.SUPPRESS, help=_help(words, name[2:]))
        self.options.add_argument("--lang", choices=LANGUAGES, default=argparse.SUPPRESS, help=_help(words, "lang"))

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        told = f"{self.words.say('cli.error', title=_translated(message, self.words))}\n"
        self.exit(Exit.USAGE, f"{told}{self.words.say('cli.usage.hint', prog=self.prog)}\n")


class _Child(_Parser):
    """The parser of one command. Its arguments may stand before, between and behind its options."""

    _mixing = False
    has_commands = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # Left to itself, argparse fills `KEY [FILEKEY …]` at the first chance: `KEY --to DIR FILEKEY` would fail.
        if self._mixing or self.has_commands:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        # argparse would cut its own English "usage: " off, by its length.
        self.usage = self.format_usage().removeprefix(self.words.say("cli.help.usage")).strip()
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def argument(self, *names: str, key: str, **given: Any) -> None:
        group = self.options if names[0].startswith("-") else self.named
        group.add_argument(*names, help=_help(self.words, key), **given)

    def flag(self, name: str, *, key: str = "") -> None:
        self.argument(name, key=key or name[2:], action="store_true")


def _help(words: Words, key: str) -> str:
    # "%" starts a placeholder in a help text.
    return words.say(f"cli.help.{key}").replace("%", "%%")


def _translated(message: str, words: Words) -> str:
    for pattern, key in _ERRORS:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return words.say(key, **found.groupdict())
    return words.say("cli.usage.other", text=message)


def _seconds(text: str) -> float:
    """A number of seconds above nought."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError(text)
    return value


def _streams(text: str) -> int:
    """How many at once: 1 to 32, as the settings allow."""
    value = int(text)
    if not 1 <= value <= 32:
        raise ValueError(text)
    return value


def _connections(text: str) -> int:
    """How many to one place, as the settings allow."""
    return changed(Settings(), {"connections": int(text)}).connections


def _part_size(text: str) -> int:
    """Bytes of a part: 5 MiB to 5 GiB, as every storage takes them."""
    value = amount(text)
    if not 5 << 20 <= value <= 5 << 30:
        raise ValueError(text)
    return value


def limit(text: str) -> int:
    """Bytes a second, 0 for none. Raises `ValueError`."""
    return changed(Settings(), {"limit": amount(text)}).limit


def hours(text: str) -> str:
    """As `hours.Week` reads them; "always" too. Raises `ValueError`."""
    return changed(Settings(), {"hours": "" if text.strip().casefold() == "always" else text}).hours


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError(text)
    return value


def _size(text: str) -> int:
    """Bytes, of a file: a megabyte at least. Raises `ValueError`."""
    value = amount(text)
    if value < 1_000_000:
        raise ValueError(text)
    return value


def _bytes_a_second(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def interval(text: str) -> int:
    """Seconds: "6h", "1d", "90m", "1h30m", "45s". Raises `ValueError`, for nought too."""
    found = _INTERVAL.fullmatch(text.strip().lower())
    seconds = sum(int(count or 0) * unit for count, unit in zip(found.groups(), _SECONDS, strict=True)) if found else 0
    if not 0 < seconds <= _LONGEST_INTERVAL:
        raise ValueError(text)
    return seconds


def scheduler(text: str) -> str:
    """The address of a Dask scheduler: "tcp://HOST:PORT", "tls://HOST:PORT", or "HOST:PORT", which is tcp. Raises
    `ValueError`.
    """
    address = text.strip() if "://" in text else f"tcp://{text.strip()}"
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not parts.port or parts.username is not None:
        raise ValueError(text)
    if parts.path or parts.query or parts.fragment:
        raise ValueError(text)
    return address


def _log_size(text: str) -> int:
    """Bytes of one file: less than a few lines, or more than anybody reads, is a slip."""
    value = amount(text)
    if not 1 << 12 <= value <= 1 << 30:
        raise ValueError(text)
    return value


def _log_keep(text: str) -> int:
    """How many older files stay."""
    value = int(text)
    if not 1 <= value <= 99:
        raise ValueError(text)
    return value


def _datasets(parser: _Child) -> None:
    parser.argument("words", key="words", nargs="*", metavar="WORDS", default=[])
    parser.flag("--json")


def _files(parser: _Child) -> None:
    parser.argument("key", key="key-of-dataset", metavar="KEY")
    parser.flag("--package")
    parser.flag("--json")


def _get(parser: _Child) -> None:
    parser.argument("key", key="key-of-dataset", metavar="KEY")
    parser.argument("file_keys", key="file-keys", nargs="*", metavar="FILEKEY", default=[])
    parser.argument("--to", key="get-to", metavar="DIR", required=True)
    parser.argument("--include", key="include", metavar="GLOB", action="append", default=[])
    parser.argument("--exclude", key="exclude", metavar="GLOB", action="append", default=[])
    parser.argument("--parallel", key="parallel", metavar="N", type=_streams)
    parser.flag("--package")
    parser.flag("--unpack", key="get-unpack")
    parser.flag("--delete-archive")
    from_lab(parser)
    _run(parser)
    _pushing(parser)
    _of_storage(parser)


def from_lab(parser: _Child) -> None:
    """What `cli.lab.LabWish.of` reads."""
    parser.argument("--from", key="lab-from", metavar="ADDRESS", dest="lab")
    parser.flag("--only-from", key="lab-only")
    parser.argument("--token-file", key="lab-token-file", metavar="FILE")
    parser.argument("--connections", key="connections", metavar="N", type=_connections)


def _run(parser: _Child) -> None:
    """What every run that receives files may be told."""
    parser.argument("--limit", key="limit", metavar="RATE", type=limit)
    parser.argument("--hours", key="hours", metavar="WEEK", type=hours)
    parser.argument("--patience", key="patience", metavar="SECONDS", type=_seconds, default=600.0)
    parser.flag("--dry-run")
    parser.flag("--json")


def _fetch(parser: _Child) -> None:
    parser.argument("addresses", key="addresses", nargs="*", metavar="ADDRESS", default=[])
    parser.argument("--to", key="to", metavar="DIR", required=True)
    parser.argument("-i", "--input-file", key="list", metavar="FILE", dest="list")
    parser.argument("--checksum", key="checksum", metavar="ALGO:HEX", type=checksum)
    parser.argument("--sums", key="sums", metavar="FILE")
    parser.argument("--out", key="out", metavar="NAME")
    parser.argument("--connections", key="connections", metavar="N", type=_connections)
    _run(parser)
    _of_storage(parser)


def _push(parser: _Child) -> None:
    parser.argument("places", key="push-places", nargs="+", metavar="PLACE")
    parser.argument("--include", key="push-include", metavar="GLOB", action="append", default=[])
    parser.argument("--exclude", key="push-exclude", metavar="GLOB", action="append", default=[])
    parser.argument("--dataset", key="push-dataset", metavar="KEY", default="")
    _pushing(parser)
    parser.flag("--abort", key="push-abort")
    parser.flag("--abort-all", key="push-abort-all")
    parser.argument("--connections", key="connections", metavar="N", type=_connections)
    parser.argument("--limit", key="limit", metavar="RATE", type=limit)
    parser.argument("--patience", key="patience", metavar="SECONDS", type=_seconds, default=600.0)
    parser.argument("--dry-run", key="push-dry-run", action="store_true")
    parser.flag("--json")
    _of_storage(parser)


def _pushing(parser: _Child) -> None:
    """What every run that puts objects into a storage may be told."""
    parser.argument("--part-size", key="part-size", metavar="SIZE", type=_part_size)
    parser.flag("--replace", key="push-replace")
    parser.flag("--yes", key="push-yes")


def _of_storage(parser: _Child) -> None:
    parser.argument("--endpoint", key="endpoint", metavar="URL")
    _about_storage(parser)


def _about_storage(parser: _Child, *, stdin: bool = False) -> None:
    parser.argument("--region", key="region", metavar="REGION")
    parser.argument("--style", key="style", choices=("path", "virtual"))
    access = parser.options.add_mutually_exclusive_group()
    access.add_argument("--profile", metavar="NAME", help=_help(parser.words, "profile"))
    access.add_argument("--anonymous", action="store_true", help=_help(parser.words, "anonymous"))
    if stdin:
        access.add_argument("--stdin", action="store_true", help=_help(parser.words, "storage-stdin"))


def _storage(parser: _Child) -> None:
    actions = _actions(parser, "storage", ("add", "list", "remove", "ls"))
    add, remove, ls = actions["add"], actions["remove"], actions["ls"]
    add.argument("endpoint", key="endpoint-of", metavar="ENDPOINT")
    add.argument("--name", key="storage-name", metavar="NAME", default="")
    _about_storage(add, stdin=True)
    actions["list"].flag("--json")
    remove.argument("endpoint", key="storage-which", metavar="ENDPOINT")
    ls.argument("address", key="storage-address", nargs="?", metavar="ADDRESS")
    _of_storage(ls)
    ls.flag("--json")


def _verify(parser: _Child) -> None:
    parser.argument("folder", key="verify-folder", metavar="DIR")
    _depth(parser)
    parser.argument("--report", key="verify-report", metavar="FILE", action="append", default=[])
    parser.argument("--manifest", key="verify-manifest", metavar="FILE")
    parser.flag("--json")


def _library(parser: _Child) -> None:
    parser.flag("--json")
    actions = _actions(parser, "library", ("add", "remove"), required=False)
    for action in actions.values():
        action.argument("folder", key="library-folder", metavar="DIR")


def _depth(parser: _Child) -> None:
    depth = parser.options.add_mutually_exclusive_group()
    for name in ("quick", "deep"):
        depth.add_argument(f"--{name}", action="store_true", help=_help(parser.words, name))


def _repair(parser: _Child) -> None:
    parser.argument("folder", key="verify-folder", metavar="DIR")
    _depth(parser)
    parser.flag("--yes", key="repair-yes")
    parser.argument("--parallel", key="parallel", metavar="N", type=_streams)
    parser.argument("--connections", key="connections", metavar="N", type=_connections)
    _run(parser)
    _about_storage(parser)


def _unpack(parser: _Child) -> None:
    parser.argument("paths", key="unpack-paths", nargs="+", metavar="PATH")
    parser.argument("--into", key="unpack-into", metavar="DIR")
    parser.argument("--encoding", key="unpack-encoding", metavar="NAME", default="")
    parser.argument("--only", key="unpack-only", metavar="PATTERN", action="append", default=[])
    parser.flag("--nested", key="unpack-nested")
    parser.flag("--delete-archive")
    parser.flag("--allow-any-size", key="unpack-any-size")
    parser.flag("--dry-run", key="unpack-dry-run")
    parser.flag("--json")


def _look(parser: _Child) -> None:
    parser.argument("archive", key="look-archive", metavar="ARCHIVE")
    parser.argument("--entry", key="look-entry", metavar="NAME")
    parser.argument("--output", key="look-output", metavar="FILE")
    parser.argument("--encoding", key="unpack-encoding", metavar="NAME", default="")
    parser.flag("--json")


def _adopt(parser: _Child) -> None:
    parser.argument("folder", key="adopt-folder", metavar="DIR")
    parser.argument("--dataset", key="adopt-dataset", metavar="KEY", required=True)
    parser.flag("--package")
    parser.argument("--to", key="adopt-to", metavar="DIR")
    parser.flag("--move", key="adopt-move")
    parser.flag("--set-aside", key="adopt-set-aside")
    parser.flag("--drop-broken", key="adopt-drop-broken")
    parser.flag("--dry-run", key="adopt-dry-run")
    parser.flag("--json")


def _batch_new(parser: _Child) -> None:
    parser.argument("wishes", key="batch-wishes", nargs="*", metavar="KEY|ADDRESS", default=[])
    parser.argument("-o", "--output", key="batch-output", metavar="FILE", required=True)
    parser.argument("-i", "--input-file", key="list", metavar="FILE", dest="list")
    parser.argument("--include", key="include", metavar="GLOB", action="append", default=[])
    parser.argument("--exclude", key="exclude", metavar="GLOB", action="append", default=[])
    parser.flag("--package")
    parser.argument("--name", key="batch-name", metavar="TEXT", default="")
    parser.argument("--to", key="batch-to", metavar="DIR", default="")
    parser.argument("--endpoint", key="endpoint", metavar="URL", default="")
    parser.flag("--unpack", key="batch-unpack")
    parser.flag("--delete-archive")
    parser.flag("--force", key="batch-force")


def _batch_show(parser: _Child) -> None:
    parser.argument("file", key="batch-file", metavar="BATCH")
    parser.flag("--json")


def _batch_request(parser: _Child) -> None:
    parser.argument("batch", key="batch-file", metavar="BATCH")
    parser.argument("--have", key="batch-have", metavar="DIR", required=True)
    parser.argument("-o", "--output", key="batch-request-output", metavar="FILE", required=True)
    parser.flag("--force", key="batch-force")
    parser.flag("--json")


def _batch_bundle(parser: _Child) -> None:
    parser.argument("request", key="batch-request-file", metavar="REQUEST")
    parser.argument("--to", key="batch-drives", metavar="DRIVE", action="append", required=True)
    parser.argument("--from", key="batch-from", metavar="DIR", action="append", dest="libraries", required=True)
    parser.flag("--offline", key="batch-offline")
    parser.argument("--largest-file", key="batch-largest", metavar="SIZE", type=_size)
    parser.flag("--replace", key="batch-replace")
    parser.argument("--sign", key="batch-sign", metavar="KEYFILE")
    parser.argument("--with-program", key="batch-program", metavar="PATH")
    parser.argument("--organization", key="batch-organization", metavar="TEXT", default="")
    parser.argument("--description", key="batch-description", metavar="TEXT", default="")
    parser.argument("--parallel", key="parallel", metavar="N", type=_streams)
    _run(parser)


def _batch_import(parser: _Child) -> None:
    parser.argument("drives", key="batch-import-drives", nargs="+", metavar="DRIVE")
    parser.argument("--to", key="to", metavar="DIR", required=True)
    parser.argument("--signed-by", key="batch-signed-by", metavar="FILE")
    parser.argument("--report", key="batch-report", metavar="FILE")
    parser.flag("--set-aside", key="batch-set-aside")
    parser.flag("--json")


def _batch_who(parser: _Child) -> None:
    parser.argument("what", key="batch-what", nargs="?", metavar="WHAT", default="")
    parser.argument("--add", key="batch-add", metavar="FILE", action="append", default=[])
    parser.flag("--json")


# Each below `aihub batch`; each lives in cli/batch_NAME.py.
_BATCH: Final = {
    "new": _batch_new,
    "show": _batch_show,
    "request": _batch_request,
    "bundle": _batch_bundle,
    "import": _batch_import,
    "who": _batch_who,
}


def _batch(parser: _Child) -> None:
    for name, action in _actions(parser, "batch", _BATCH).items():
        _BATCH[name](action)


def _sync(parser: _Child) -> None:
    parser.argument("file", key="batch-file", metavar="BATCH")
    parser.argument("--to", key="sync-to", metavar="DIR", default="")
    parser.flag("--delete", key="sync-delete")
    parser.flag("--yes", key="sync-yes")
    parser.flag("--deep", key="sync-deep")
    times = parser.options.add_mutually_exclusive_group()
    times.add_argument("--once", action="store_true", help=_help(parser.words, "sync-once"))
    times.add_argument("--every", metavar="TIME", type=interval, help=_help(parser.words, "sync-every"))
    parser.argument("--parallel", key="parallel", metavar="N", type=_streams)
    from_lab(parser)
    _run(parser)
    parser.argument("--dask", key="sync-dask", metavar="ADDRESS", type=scheduler)
    parser.argument("--part-size", key="part-size", metavar="SIZE", type=_part_size)
    parser.flag("--replace", key="push-replace")
    _of_storage(parser)
    parser.argument("--summary", key="sync-summary", metavar="FILE")
    parser.argument("--log", key="sync-log", metavar="FILE")
    parser.argument("--log-size", key="sync-log-size", metavar="SIZE", type=_log_size, default=1 << 20)
    parser.argument("--log-keep", key="sync-log-keep", metavar="N", type=_log_keep, default=5)


def _actions(parser: _Child, prefix: str, actions: Iterable[str], *, required: bool = True) -> dict[str, _Child]:
    parser.has_commands = True
    below = parser.add_subparsers(
        title=parser.words.say("cli.help.commands"), dest="action", metavar="COMMAND", required=required,
        parser_class=_Child,
    )  # fmt: skip
    return {
        name: below.add_parser(
            name,
            words=parser.words,
            help=_help(parser.words, f"{prefix}-{name}"),
            description=_help(parser.words, f"{prefix}-{name}"),
        )
        for name in actions
    }


def _serve(parser: _Child) -> None:
    parser.argument("folder", key="serve-folder", metavar="DIR")
    parser.argument("--bind", key="serve-bind", metavar="ADDRESS", default="127.0.0.1")
    parser.argument("--port", key="serve-port", metavar="N", type=_port, default=PORT)
    parser.argument("--token-file", key="serve-token-file", metavar="FILE")
    parser.flag("--new-token", key="serve-new-token")
    parser.argument("--log", key="serve-log", metavar="FILE")


def _lab(parser: _Child) -> None:
    actions = _actions(parser, "lab", ("add", "list", "remove"))
    for name in ("add", "remove"):
        actions[name].argument("address", key="lab-address", metavar="ADDRESS")
    actions["add"].argument("--token-file", key="lab-token-file", metavar="FILE")
    actions["add"].flag("--stdin", key="lab-stdin")


def _key(parser: _Child) -> None:
    _actions(parser, "key", ("set", "show", "test", "clear"))["set"].flag("--stdin")


def _settings(parser: _Child) -> None:
    setting = _actions(parser, "settings", ("show", "set"))["set"]
    setting.argument("changes", key="assignment", nargs="+", metavar="NAME=VALUE")


def _doctor(parser: _Child) -> None:
    parser.argument("--dataset", key="doctor-dataset", metavar="KEY", default="")
    consent = parser.options.add_mutually_exclusive_group()
    consent.add_argument("--yes", action="store_true", help=_help(parser.words, "doctor-yes"))
    consent.add_argument("--no-download", action="store_true", help=_help(parser.words, "doctor-no-download"))
    parser.argument("--report", key="doctor-report", metavar="FILE")
    parser.argument("--json", key="doctor-json", action="store_true")


def _diagnostics(parser: _Child) -> None:
    parser.argument("file", key="diagnostics-file", nargs="?", metavar="FILE", default="")


def _version(parser: _Child) -> None:
    parser.flag("--check", key="version-check")
    parser.flag("--json")


def _demo(parser: _Child) -> None:
    parser.flag("--serve", key="demo-serve")
    parser.argument("--to", key="demo-to", metavar="DIR")
    parser.argument("--rate", key="demo-rate", metavar="BYTES", type=_bytes_a_second, default=0)
    parser.flag("--cli", key="demo-cli")


_COMMANDS: Final = {
    "datasets": _datasets,
    "files": _files,
    "get": _get,
    "fetch": _fetch,
    "push": _push,
    "verify": _verify,
    "repair": _repair,
    "library": _library,
    "unpack": _unpack,
    "look": _look,
    "adopt": _adopt,
    "batch": _batch,
    "sync": _sync,
    "serve": _serve,
    "lab": _lab,
    "key": _key,
    "storage": _storage,
    "settings": _settings,
    "doctor": _doctor,
    "diagnostics": _diagnostics,
    "demo": _demo,
    "version": _version,
}
