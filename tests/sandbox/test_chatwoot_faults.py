"""The selectable faults, the request log and the rest of the control API."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Chatwoot
from tests.support.processes import ROOT, Process, SandboxChatwoot, free_port


def get(sandbox: SandboxChatwoot, **more: Any) -> requests.Response:
    return requests.get(f"{sandbox.base_url}/api", timeout=30, allow_redirects=False, **more)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_refusals_look_like_the_real_ones(sandbox: SandboxChatwoot, status: int) -> None:
    sandbox.fault("refuse", status=status, times=1)
    answer = get(sandbox)
    assert answer.status_code == status
    if status == 429:
        assert (answer.text, "Retry-After" in answer.headers) == ("Retry later\n", False)
    if status == 500:
        assert answer.json() == {"status": 500, "error": "Internal Server Error"}
    assert get(sandbox).status_code == 200


def test_html_and_redirect(sandbox: SandboxChatwoot) -> None:
    sandbox.fault("html", times=1)
    assert get(sandbox).headers["Content-Type"].startswith("text/html")
    sandbox.fault("redirect", location="https://other.example", times=1)
    answer = get(sandbox)
    assert answer.status_code == 301
    assert answer.headers["Location"] == "https://other.example/api"


def test_drop_does_not_act_and_drop_after_does(chatwoot: Chatwoot) -> None:
    wanted = {"name": "x", "channel": {"type": "api"}}
    for kind, inboxes in (("drop", 0), ("drop_after", 1)):
        chatwoot.sandbox.fault(kind, method="POST", path="/inboxes$", times=1)
        with pytest.raises(requests.ConnectionError):
            chatwoot("POST", "/inboxes", wanted)
        assert len(chatwoot.sandbox.inboxes()) == inboxes


def test_slow_before_and_after(sandbox: SandboxChatwoot) -> None:
    for kind in ("slow", "slow_after"):
        sandbox.fault(kind, seconds=0.4, times=1)
        started = time.monotonic()
        assert get(sandbox).status_code == 200
        assert time.monotonic() - started >= 0.4


def test_drip_sends_a_byte_at_a_time(sandbox: SandboxChatwoot) -> None:
    sandbox.fault("drip", seconds=0.01, times=1)
    started = time.monotonic()
    assert get(sandbox).json()["queue_services"] == "ok"
    assert time.monotonic() - started > 0.5


def test_limit_and_suspension_are_faults_too(chatwoot: Chatwoot) -> None:
    chatwoot.sandbox.fault("inbox_limit", times=1)
    wanted = {"name": "x", "channel": {"type": "api"}}
    assert chatwoot("POST", "/inboxes", wanted).status_code == 402
    chatwoot.sandbox.fault("suspended", account_id=1)
    assert chatwoot("GET", "/inboxes").json() == {"error": "Account is suspended"}
    chatwoot.sandbox.control("DELETE", "faults")
    assert chatwoot("GET", "/inboxes").status_code == 200


def test_a_fault_concerns_only_what_it_names(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    sandbox.fault("refuse", method="POST", path="/contacts$")
    assert chatwoot("POST", "/contacts", {"name": "x"}).status_code == 500
    assert chatwoot("GET", "/contacts").status_code == 200
    listed = sandbox.control("GET", "faults")["faults"]
    assert [one["kind"] for one in listed] == ["refuse"]
    sandbox.control("DELETE", f"faults/{listed[0]['id']}")
    assert chatwoot("POST", "/contacts", {"name": "x"}).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "nonsense"},
        {"kind": "slow", "wrong": 1},
        {"kind": "slow", "path": "("},
        {"kind": "slow", "seconds": "five"},
    ],
)
def test_a_wrong_fault_is_refused_with_a_sentence(
    sandbox: SandboxChatwoot, wrong: dict[str, object]
) -> None:
    answer = requests.post(f"{sandbox.base_url}/sandbox/api/faults", json=wrong, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_the_log_has_every_request_and_no_token(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    chatwoot("POST", "/contacts", {"name": "x", "secret": "hide me"})
    chatwoot("GET", "/contacts/search?q=a")
    log = sandbox.control("GET", "requests")
    assert [one["method"] for one in log["requests"]] == ["POST", "GET"]
    first = log["requests"][0]
    assert first["body"] == {"name": "x", "secret": "***"}
    assert (first["status"], first["as"]) == (200, "Ana Admin")
    assert log["requests"][1]["query"] == {"q": "a"}
    assert sandbox.admin not in json.dumps(log)
    assert log["totals"]["requests"] == 2
    later = sandbox.control("GET", f"requests?since={log['cursor']}")
    assert later["requests"] == []
    sandbox.control("DELETE", "requests")
    assert sandbox.control("GET", "requests")["totals"]["requests"] == 0


def test_multipart_is_logged_by_field_names(sandbox: SandboxChatwoot, chatwoot: Chatwoot) -> None:
    _, number = chatwoot.chat()
    files = [("attachments[]", ("a.png", b"x", "image/png"))]
    chatwoot.ok("POST", f"/conversations/{number}/messages", data={"content": "c"}, files=files)
    entry = sandbox.requests()[-1]
    assert entry["fields"] == ["content"]
    assert entry["files"] == [{"field": "attachments[]", "name": "a.png", "type": "image/png"}]


def test_hello_fills_in_the_wizard(sandbox: SandboxChatwoot) -> None:
    assert sandbox.control("GET", "hello") == {
        "product": "sandbox-chatwoot",
        "base_url": sandbox.base_url,
        "account_id": 1,
        "token": sandbox.admin,
        "version": "4.15.1",
    }


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_foreign_pages_may_not_steer_it(sandbox: SandboxChatwoot, headers: dict[str, str]) -> None:
    for path in ("/", "/sandbox/api/requests"):
        answer = requests.get(sandbox.base_url + path, headers=headers, timeout=30)
        assert answer.status_code == 403


def test_the_agent_can_act_through_the_control_api(
    sandbox: SandboxChatwoot, chatwoot: Chatwoot
) -> None:
    _, number = chatwoot.chat()
    base = f"agent/conversations/{number}"
    message = sandbox.control("POST", f"{base}/messages", {"content": "hello"})
    note = sandbox.control("POST", f"{base}/messages", {"content": "note", "private": True})
    assert (message["private"], note["private"]) == (False, True)
    sandbox.control("POST", f"{base}/toggle_status", {"status": "resolved"})
    assert chatwoot.ok("GET", f"/conversations/{number}")["status"] == "resolved"
    sandbox.control("DELETE", f"agent/messages/{message['id']}")
    sandbox.control("POST", f"agent/messages/{note['id']}/retry")
    typing = f"{sandbox.base_url}/sandbox/api/{base}/toggle_typing_status"
    assert requests.post(typing, json={"typing_status": "on"}, timeout=30).status_code == 200
    contents = [one["content"] for one in sandbox.control("GET", f"{base}/messages")]
    assert contents[:2] == ["This message was deleted", "note"]
    listed = sandbox.control("GET", "agent/conversations")[0]
    assert listed["source_id"] == "5511"
    renamed = sandbox.control(
        "PATCH", f"agent/contacts/{listed['meta']['sender']['id']}", {"name": "Renamed"}
    )
    assert renamed["payload"]["name"] == "Renamed"


def test_it_refuses_to_listen_beyond_this_machine() -> None:
    wanted = [sys.executable, "-m", "sandbox.chatwoot", "--host", "0.0.0.0", "--port", "1"]
    done = subprocess.run(wanted, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "loopback only" in done.stderr
    assert "Traceback" not in done.stderr


def test_state_survives_a_restart_and_underscores_can_be_dropped(tmp_path: Path) -> None:
    port = free_port()
    arguments = ["-m", "sandbox.chatwoot", "--port", str(port)]
    arguments += ["--database", str(tmp_path / "sandbox.db"), "--drop-underscores"]
    base_url = f"http://127.0.0.1:{port}"
    url = f"{base_url}/api/v1/accounts/1/inboxes"
    hyphens = {"api-access-token": "sandbox-admin-token"}

    first = Process(arguments, environ={}, log=tmp_path / "log")
    first.ready(f"{base_url}/api")
    wanted = {"name": "kept", "channel": {"type": "api"}}
    made = requests.post(url, json=wanted, headers=hyphens, timeout=30).json()
    first.stop()

    second = Process(arguments, environ={}, log=tmp_path / "log")
    second.ready(f"{base_url}/api")
    try:
        listed = requests.get(url, headers=hyphens, timeout=30).json()
        assert listed == {"payload": [made]}
        dropped = requests.get(url, headers={"api_access_token": "sandbox-admin-token"}, timeout=30)
        assert dropped.status_code == 401
        assert "errors" in dropped.json()
    finally:
        second.stop()


def test_a_state_that_another_version_kept_begins_anew(tmp_path: Path) -> None:
    sandbox = SandboxChatwoot(tmp_path, keeps=True)
    sandbox.stop()
    with sqlite3.connect(tmp_path / "sandbox.db") as database:
        database.execute("update record set body = json_set(body, '$.no_such_field', 1)")
    database.close()
    sandbox.start()
    assert sandbox.control("GET", "agent/conversations") == []
    sandbox.stop()
