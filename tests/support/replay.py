"""Bodies that a real Chatwoot sent, and a server on loopback that says them again.

`tests/payloads/chatwoot/recorded` has one JSON object a line, one for each shape: `webhooks` and
`frames` (what is told), `answers` (what calls of ours are answered) and `faults` (the same while
something fails inside Chatwoot). How they were recorded: docs/contracts/chatwoot.md, How we know.
"""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "payloads" / "chatwoot" / "recorded"


def recorded(kind: str) -> list[dict[str, Any]]:
    """The rows of one file; each has a `name`."""
    lines = (FOLDER / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


@dataclass
class Replay:
    """A server that answers with recorded rows: the one of the first pattern that the path has.

    A row with status 0 closes the connection without an answer.
    """

    base_url: str = ""
    rows: list[tuple[re.Pattern[str], dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def say(self, row: dict[str, Any], path: str = "") -> None:
        """Answers what matches `path` with a row, before everything that was said already."""
        self.rows.insert(0, (re.compile(path), row))

    def row(self, path: str) -> dict[str, Any]:
        return next(row for pattern, row in self.rows if pattern.search(path))


@contextlib.contextmanager
def replaying() -> Iterator[Replay]:
    """A server with nothing to say yet."""
    replay = Replay()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            replay.asked.append((self.command, self.path))
            row = replay.row(self.path)
            if not row["status"]:
                self.close_connection = True
                return
            said = row["answer"]
            body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response_only(row["status"])
            for name, value in row["headers"].items():
                self.send_header(name, _here(value, replay.base_url))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    replay.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield replay
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def named(rows: list[dict[str, Any]]) -> Callable[[dict[str, Any]], str]:
    """Names for the parameters of a test, with the version where one name stands twice."""
    names = [row["name"] for row in rows]
    return lambda row: (
        row["name"] if names.count(row["name"]) == 1 else f"{row['name']}-{row.get('version')}"
    )


def _here(value: str, base_url: str) -> str:
    return re.sub(r"http://127\.0\.0\.1:\d+", base_url, value)
