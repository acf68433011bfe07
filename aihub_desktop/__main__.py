"""Where every run begins: `aihub`, and the engine and workers that the program starts as further runs of itself.

    aihub WORD …       the command line
    aihub engine …     the window's engine, on stdin and stdout
    aihub worker …     moves bytes for an engine, on stdin and stdout

The last two are not for people. They are told apart here, before anything of the command line is imported:
a worker is started for each stream, and has to be there at once.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from aihub_desktop import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the program; the result is its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    match words[:1]:
        case ["worker"]:
            return _worker()
        case ["engine"]:
            return _engine(words[1:])
        case ["--version"]:
            print("aihub", __version__)
            return 0
    try:
        from aihub_desktop.cli.program import run  # noqa: PLC0415 - not for engines and workers
    except KeyboardInterrupt:
        from aihub_desktop.cli import unbegun  # noqa: PLC0415 - it is not yet sure what was imported

        unbegun.say_end(words)
        return 130  # nothing has begun, so nothing else needs to be said

    return run(words)


def _worker() -> int:
    from aihub_desktop.engine import worker  # noqa: PLC0415 - each run imports its own part alone

    return worker.main()


def _engine(words: list[str]) -> int:
    from aihub_desktop.domain.faults import ProblemError  # noqa: PLC0415 - each run imports its own part alone
    from aihub_desktop.domain.messages import Notice  # noqa: PLC0415
    from aihub_desktop.domain.wire import line  # noqa: PLC0415
    from aihub_desktop.engine import serve  # noqa: PLC0415
    from aihub_desktop.system import folders, logs, program  # noqa: PLC0415

    # Ctrl-C in the terminal of a window reaches its engine too, which ends in good order when its stdin does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        hub = folders.hub(_value(words, "--api-url"))
    except ProblemError as error:
        sys.stdout.buffer.write(line(Notice(0, error.problem, fatal=True)))
        return 1
    home = folders.home(hub, _value(words, "--home"))
    logs.start(home, "engine")
    return serve.serve_pipe(home, hub, program.command("worker"))


def _value(words: list[str], name: str) -> str | None:
    """The word after `name`, as `program.command` and the window write it."""
    return words[words.index(name) + 1] if name in words[:-1] else None


if __name__ == "__main__":
    sys.exit(main())
