"""Which object storage a person means: by address, by the name it was added under, or by a short name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from aihub_desktop.cli.arguments import UsageError
from aihub_desktop.domain.addresses import shown
from aihub_desktop.domain.messages import ListStorages, PutStorage, StorageRow, Storages
from aihub_desktop.domain.storage import Access, Storage, Style, plain_endpoint
from aihub_desktop.engine.serve import LocalEngine
from aihub_desktop.system.words import Words

AWS: Final = "https://s3.amazonaws.com"
SHORT: Final = {
    "naver": "https://kr.object.ncloudstorage.com",
    "gov": "https://kr.object.gov-ncloudstorage.com",
    "gov2": "https://krs.object.gov-ncloudstorage.com",
    "aws": AWS,
}
# As the tools of AWS read them, the one for S3 alone first.
_VARIABLES: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was said of a storage with the command; `None` and False: nothing."""

    endpoint: str | None = None
    region: str | None = None
    style: str | None = None
    profile: str | None = None
    anonymous: bool = False

    @classmethod
    def of(cls, args: argparse.Namespace) -> Choice:
        return cls(args.endpoint, args.region, args.style, args.profile, args.anonymous)

    def applied(self, storage: Storage) -> Storage:
        """`storage` as the command wants it for this run."""
        changes: dict[str, object] = {}
        if self.region is not None:
            changes["region"] = self.region
        if self.style is not None:
            changes["style"] = Style(self.style)
        if self.profile is not None:
            changes |= {"access": Access.PROFILE, "profile": self.profile}
        if self.anonymous:
            changes |= {"access": Access.ANONYMOUS, "profile": ""}
        return msgspec.structs.replace(storage, **changes)


def endpoint_in_use(engine: LocalEngine, words: Words, choice: Choice) -> str:
    """The endpoint that s3:// addresses are of; the engine knows of it what the command says, for this run. Raises
    `UsageError`.
    """
    rows = engine.ask(ListStorages(engine.number()), Storages).rows
    endpoint = chosen(words, choice, rows, os.environ)
    known = next((row.storage for row in rows if row.storage.endpoint == endpoint), None)
    plain = known or Storage(endpoint)  # one that nobody added is asked with what the usual profiles know
    wanted = choice.applied(plain)
    if wanted != plain:
        engine.ask(PutStorage(engine.number(), wanted, for_run=True), object)
    return endpoint


def chosen(words: Words, choice: Choice, rows: Sequence[StorageRow], variables: Mapping[str, str]) -> str:
    """That of --endpoint, else the only one that was added, else that of the AWS variables, else AWS itself.

    Raises `UsageError` for what is no endpoint, and where several were added.
    """
    if choice.endpoint is not None:
        return named(words, choice.endpoint, rows)
    if len(rows) == 1:
        return rows[0].storage.endpoint
    if variable := next((variables[name] for name in _VARIABLES if variables.get(name)), ""):
        return _plain(words, variable)
    if rows:
        raise UsageError(words.say("cli.storage.which", known=listed(rows)))
    return AWS


def named(words: Words, text: str, rows: Sequence[StorageRow]) -> str:
    """The endpoint that `text` means. Raises `UsageError` for none."""
    for row in rows:
        if text in (row.storage.endpoint, row.storage.name):
            return row.storage.endpoint
    return SHORT.get(text) or _plain(words, text, rows)


def known(words: Words, text: str, rows: Sequence[StorageRow]) -> str:
    """The endpoint of a storage that was added. Raises `UsageError` for any other."""
    endpoint = named(words, text, rows)
    if endpoint not in {row.storage.endpoint for row in rows}:
        raise UsageError(unknown(words, text, rows))
    return endpoint


def unknown(words: Words, text: str, rows: Sequence[StorageRow]) -> str:
    return words.say("cli.storage.unknown", name=text, known=listed(rows))


def listed(rows: Sequence[StorageRow]) -> str:
    """For a sentence: every storage that was added."""
    return ", ".join(f"{row.storage.name} ({row.storage.endpoint})".removeprefix(" ") for row in rows)


def _plain(words: Words, text: str, rows: Sequence[StorageRow] = ()) -> str:
    # A word alone is a name that was mistyped rather than a host of one's own network.
    is_word = not {".", ":"} & set(text) and text != "localhost"
    if is_word and rows:
        raise UsageError(unknown(words, text, rows))
    try:
        if is_word:
            raise ValueError(text)
        return plain_endpoint(text)
    except ValueError:
        raise UsageError(words.say("cli.storage.no-endpoint", endpoint=shown(text))) from None
