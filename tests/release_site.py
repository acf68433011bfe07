"""A host that has the document about the newest version, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ReleaseSite:
    """`answer`: (status, body) of every request. `asked`: (path, headers) of each that came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answer = (200, b'{"version": "99.1.0", "page": "https://127.0.0.1/releases/99.1.0"}')
        self.asked: list[tuple[str, dict[str, str]]] = []


@contextmanager
def release_site() -> Iterator[ReleaseSite]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, body = site.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "who=you")
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # it had read enough

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = ReleaseSite(f"http://127.0.0.1:{server.server_port}/newest.json")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
