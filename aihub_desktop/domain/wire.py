"""Messages to JSON lines and back. The one place that knows how a `Secret` travels: in pipes of our own only."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from aihub_desktop.domain.leases import AnyNews, AnyWork
from aihub_desktop.domain.messages import AnyCommand, AnyEvent
from aihub_desktop.domain.model import Secret

T = TypeVar("T")


class WireError(ValueError):
    """A line that is no message. Its text holds nothing of the line, for a key may be in it."""


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(type(value).__name__)


def _rich(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(kind.__name__)  # the decoder makes a ValidationError of it


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_commands: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand, dec_hook=_rich)
_events: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_work: msgspec.json.Decoder[AnyWork] = msgspec.json.Decoder(AnyWork, dec_hook=_rich)
_news: msgspec.json.Decoder[AnyNews] = msgspec.json.Decoder(AnyNews)


def line(message: msgspec.Struct) -> bytes:
    """One JSON line, newline included."""
    return _encoder.encode(message) + b"\n"


def command(text: bytes) -> AnyCommand:
    return _read(_commands, text)


def event(text: bytes) -> AnyEvent:
    return _read(_events, text)


def work(text: bytes) -> AnyWork:
    return _read(_work, text)


def news(text: bytes) -> AnyNews:
    return _read(_news, text)


def plain(value: Any) -> Any:
    """Structs to dicts and lists, as `Answer.result` wants them."""
    return msgspec.to_builtins(value)


def result(value: Any, kind: type[T]) -> T:
    """`Answer.result` as the struct that its command promises."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise WireError(kind.__name__) from error


def _read(decoder: msgspec.json.Decoder[T], text: bytes) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # raised below instead of here: some of these carry the line, and would go along as the context
    raise WireError("not a message")
