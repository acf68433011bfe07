"""`aihub-desktop`: the window."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from aihub_desktop import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the window; the result is the exit code."""
    if getattr(sys, "frozen", False):
        import multiprocessing  # noqa: PLC0415 - only a frozen program starts itself for it

        multiprocessing.freeze_support()
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="aihub-desktop")
    parser.add_argument("--home", metavar="DIR")
    parser.add_argument("--api-url", metavar="URL")
    parser.add_argument("--lang", metavar="ko|en")
    parser.add_argument("--quit", action="store_true", help="end the window that is open, as its own menu does")
    parser.add_argument("--version", action="version", version=f"aihub-desktop {__version__}")
    parser.add_argument("words", nargs="*", metavar="LINK|FILE")
    # What Qt itself understands (-style, -platform …) is left to it.
    known, rest = parser.parse_known_args(words)
    from aihub_desktop.gui import app  # noqa: PLC0415 - `--version` needs no Qt

    if known.quit:
        return app.dismiss([sys.argv[0], *rest], home=known.home, api_url=known.api_url)
    return app.run([sys.argv[0], *rest], home=known.home, api_url=known.api_url, language=known.lang, words=known.words)


if __name__ == "__main__":
    sys.exit(main())
