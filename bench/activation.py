"""What a start, an activation and doing nothing cost.

`python -m bench.activation` prints the time from the command to the first page, an activation's
time over the sum of Chatwoot's own answer times, and the memory of the idle processes.
"""

import argparse
import itertools
import statistics
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from tests.support.processes import Bridge, SandboxChatwoot, free_port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", type=int, default=20)
    parser.add_argument("--answer-ms", type=float, default=50.0, help="Chatwoot's, beside its own")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bridge-bench-") as name:
        starting(Path(name))
        activating(Path(name), given.activations, given.answer_ms / 1000)


# -- start and rest --------------------------------------------------------------------------------


def starting(folder: Path) -> None:
    """First page and idle memory, with the sandboxes and without."""
    for title, sandbox in (("with the sandboxes", "true"), ("without them", "false")):
        ports: dict[str, Any] = {
            "BRIDGE_SANDBOX_PORT": str(free_port()),
            "BRIDGE_SANDBOX_PHONE_PORT": str(free_port()),
        }
        place = folder / title.replace(" ", "-")
        place.mkdir()
        # Once to make the installation and to warm the cache, then the one that counts.
        bridge = Bridge(place, BRIDGE_SANDBOX=sandbox, **ports)
        bridge.stop()
        took = []
        for _ in range(3):
            began = time.perf_counter()
            bridge.start()
            requests.get(f"{bridge.base_url}/sign-in", timeout=30).raise_for_status()
            took.append(time.perf_counter() - began)
            time.sleep(5)
            held = {pid: _held(pid) for pid in bridge.process.tree()}
            bridge.stop()
        pss, rss = (sum(sizes) / 1024 for sizes in zip(*held.values(), strict=True))
        print(
            f"{title}: first page after {statistics.median(took):.2f} s; idle {len(held)} "
            f"processes hold {pss:.0f} MiB (PSS; the sum of RSS is {rss:.0f} MiB)"
        )


def _held(pid: int) -> tuple[int, int]:
    """PSS and RSS of a process in KiB: shared pages by share, and in full."""
    fields = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    return int(fields["Pss"].split()[0]), int(fields["Rss"].split()[0])


# -- activation ------------------------------------------------------------------------------------


def activating(folder: Path, count: int, answer_s: float) -> None:
    """A sandbox Chatwoot behind a proxy that takes its time and notes how long each answer took."""
    sandbox = SandboxChatwoot(folder)
    proxy = _Slow(sandbox.base_url, answer_s)
    limits = {"BRIDGE_RATE_LIMIT": "100000/minute", "BRIDGE_RATE_LIMIT_NEW": "100000/minute"}
    bridge = Bridge(folder, public=True, **limits)
    ratios, took = [], []
    for index in itertools.islice(itertools.count(), count):
        bridge.api("POST", "/api/instance/new", {"name": f"i{index}"}).raise_for_status()
        proxy.took.clear()
        began = time.perf_counter()
        bridge.api(
            "POST",
            f"/api/chatwoot/set/i{index}",
            {
                "chatwootBaseUrl": proxy.base_url,
                "chatwootAccountId": 1,
                "chatwootApiToken": SandboxChatwoot.admin,
                "inboxName": f"Inbox {index}",
            },
        ).raise_for_status()
        took.append(time.perf_counter() - began)
        ratios.append(took[-1] / sum(proxy.took))
    calls = len(proxy.took)
    bridge.stop()
    proxy.close()
    sandbox.stop()
    print(
        f"activation: {1000 * statistics.median(took):.0f} ms with {calls} calls to Chatwoot; "
        f"{statistics.median(ratios):.2f} of the sum of its own answer times"
    )


class _Slow:
    """Passes requests on and answers no sooner than a real Chatwoot does; `took` are the times."""

    def __init__(self, target: str, answer_s: float) -> None:
        self.took: list[float] = []
        self._session = requests.Session()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                began = time.perf_counter()
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: text for name, text in self.headers.items() if name != "Host"}
                answer = outer._session.request(
                    self.command,
                    target + self.path,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=60,
                )
                time.sleep(answer_s)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
                outer.took.append(time.perf_counter() - began)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()


if __name__ == "__main__":
    main()
