"""The whole loop as a test sees it: customers on one side, agents on the other, faults between."""

import contextlib
import itertools
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import requests

from bench.loop import INSTANCE
from tests.support.processes import Bridge, SandboxChatwoot, SandboxPhone
from tests.support.visitor import Visitor

T = TypeVar("T")
Json = dict[str, Any]

#: Bounds every wait, in seconds; the condition ends it long before, unless something is broken.
PATIENCE_S = 40.0
_numbers = itertools.count(4_915_100_000_000)


def party(number: str = "", lid: str = "", name: str = "") -> Json:
    """A party of an event, as the gateway names it: a number, a LID (digits), or both."""
    jid = f"{number}@s.whatsapp.net" if number else None
    return {"jid": jid, "lid": f"{lid}@lid" if lid else None, "name": name}


def now() -> str:
    """The time as a gateway writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def until(condition: Callable[[], T], what: str, *, seconds: float = PATIENCE_S) -> T:
    """The first answer of `condition` that counts as true."""
    ends_at = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < ends_at, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.03)


class Desk:
    """One bridge between a sandbox phone and a sandbox Chatwoot; tests share it and use numbers
    of their own."""

    def __init__(
        self,
        folder: Path,
        *,
        public: bool = True,
        guards: bool = False,
        version: str = "",
        clock_offset: float = 0.0,
        **settings: str,
    ) -> None:
        """`public`: the bridge has an address that both sides may call, unless this Chatwoot
        `guards` private ones; `version` and `clock_offset` (seconds) are Chatwoot's."""
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            self.chatwoot = SandboxChatwoot(folder)
            stack.callback(self.chatwoot.process.kill)
            if version:
                self.chatwoot.options(version=version)
            self.chatwoot.options(allow_private_network=not guards, clock_offset=clock_offset)
            self._start(folder, stack, public=public, settings=settings)
            if public and not guards and self._guards():
                # This Chatwoot was told to call private addresses, as its operator knows.
                self.command("webhook", INSTANCE)
            self._stack = stack.pop_all()

    def _start(
        self, folder: Path, stack: contextlib.ExitStack, *, public: bool, settings: dict[str, Any]
    ) -> None:
        self.phone = SandboxPhone(folder)
        stack.callback(self.phone.process.kill)
        self._switches = self.phone.control("GET", "switches")
        limits = {"BRIDGE_RATE_LIMIT": "1000000/minute", "BRIDGE_ECHO_WAIT": "2"}
        limits["BRIDGE_CHATWOOT_RUNS_ON"] = "1"
        self.bridge = Bridge(folder, public=public, **(limits | settings))
        stack.callback(self.bridge.kill)
        place = {
            "kind": "ryzeapi",
            "baseUrl": self.phone.base_url,
            "token": SandboxPhone.instance_token,
        }
        made = self.bridge.api("POST", "/api/instance/new", {"name": INSTANCE, "gateway": place})
        made.raise_for_status()
        self.join()

    def _guards(self) -> bool:
        """Whether the activation left the address out, which is private here."""
        return bool(self.rows("select 1 from webhook where why = 'private'"))

    def moves_to(self, chatwoot: SandboxChatwoot) -> SandboxChatwoot:
        """The instance is joined to another Chatwoot from now on; the one before."""
        left, self.chatwoot = self.chatwoot, chatwoot
        self.join()
        return left

    def close(self) -> None:
        """Stops everything."""
        self._stack.close()

    def calm(self) -> None:
        """No faults, and every switch as it was at first."""
        self.calm_chatwoot()
        self.phone.control("DELETE", "faults")
        self.phone.control("POST", "switches", self._switches)
        if self.rows("select status from integration") != [("active",)]:
            self.join()

    def calm_chatwoot(self) -> None:
        """Chatwoot is up again."""
        self.chatwoot.control("DELETE", "faults")

    # -- the operator ------------------------------------------------------------------------------

    def join(
        self, *, instance: str = INSTANCE, token: str = SandboxChatwoot.admin, **options: object
    ) -> Json:
        """Activates the integration, or sets it anew with these options."""
        wish = {
            "chatwootBaseUrl": self.chatwoot.base_url,
            "chatwootAccountId": 1,
            "chatwootApiToken": token,
            "reopenResolved": True,
            **options,
        }
        answer = self.bridge.api("POST", f"/api/chatwoot/set/{instance}", wish)
        assert answer.ok, answer.text
        said: Json = answer.json()
        return said

    @contextlib.contextmanager
    def options(self, **options: Any) -> Iterator[None]:
        """The integration with other options for a while."""
        self.join(**options)
        try:
            yield
        finally:
            self.join()

    def integration(self) -> Json:
        """How it stands, judged anew."""
        answer = self.bridge.api("GET", f"/api/chatwoot/list/{INSTANCE}")
        assert answer.ok, answer.text
        said: Json = answer.json()
        return said

    def command(self, *words: str) -> None:
        """A command of the operator on the bridge's machine, such as `pause`."""
        self.bridge.command(*words)

    def inbox(self) -> int:
        """The id of the inbox."""
        [(found,)] = self.rows("select inbox_id from integration")
        return int(found)

    @contextlib.contextmanager
    def inbox_with(self, **settings: object) -> Iterator[None]:
        """The inbox has these settings meanwhile, such as csat_survey_enabled=True."""
        before = self.api("GET", f"inboxes/{self.inbox()}")
        self.api("PATCH", f"inboxes/{self.inbox()}", settings)
        try:
            yield
        finally:
            old = {name: before[name] for name in settings}
            self.api("PATCH", f"inboxes/{self.inbox()}", old)

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """What the bridge has written down."""
        place = f"file:{self.bridge.instance_dir / 'bridge.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as db:
            return db.execute(sql, params).fetchall()

    def kill(self, name: str) -> None:
        """SIGKILL for one process of the bridge: web (with its worker) or router."""

        def processes() -> list[int]:
            return [pid for pid in self.bridge.process.tree()[1:] if name in _comm(pid)]

        for pid in until(processes, f"a process {name}"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def hears_both(self) -> bool:
        """Whether Chatwoot has called and its socket is open."""
        return self.hears_cable() and bool(self.rows("select 1 from webhook where calls = 'on'"))

    def hears_cable(self) -> bool:
        """Whether Chatwoot's socket is open."""
        return bool(self.chatwoot.control("GET", "cable")["connections"])

    def page(self, path: str) -> str:
        """A page as the operator sees it."""
        return Visitor(self.bridge).sign_in().get(path).text

    def listens(self) -> bool:
        """Whether the bridge holds a socket to either side."""
        instances = self.phone.control("GET", "instances")["instances"]
        return any(one["sockets"] for one in instances) and bool(
            self.chatwoot.control("GET", "cable")["connections"]
        )

    # -- the customer ------------------------------------------------------------------------------

    def number(self) -> str:
        """A number that nobody has had yet; German ones have a single form."""
        return str(next(_numbers))

    def knows(self, number: str, name: str, **more: object) -> Json:
        """A person on WhatsApp."""
        told: Json = self.phone.control(
            "POST", "contacts", {"number": number, "name": name, **more}
        )
        return told

    def group(self, name: str, *members: str) -> str:
        """A group on WhatsApp; its JID."""
        jid = f"1203630{next(_numbers)}@g.us"
        self.phone.control("POST", "groups", {"jid": jid, "name": name, "members": list(members)})
        return jid

    def customer(self, chat: str, text: str = "", **more: object) -> Json:
        """The customer writes; the message as the phone tells it."""
        action = {"chat": chat, "kind": "text", **more} | ({"text": text} if text else {})
        said: Json = self.phone.control("POST", "customer", action)
        return said

    def owner(self, chat: str, text: str = "", **more: object) -> Json:
        """The owner of the number types on the phone itself."""
        action = {"chat": chat, "kind": "text", **more} | ({"text": text} if text else {})
        said: Json = self.phone.control("POST", "owner", action)
        return said

    def on_phone(self, chat: str) -> list[Json]:
        """What reached WhatsApp in a chat, without what only changes another message."""
        return [
            one
            for one in self.phone.messages(chat)
            if one["kind"] not in {"reaction", "edit", "revoke"}
        ]

    def sent(self, chat: str) -> list[str]:
        """The texts that came out of the number."""
        return [one["text"] for one in self.on_phone(chat) if one["from_me"]]

    def gets(self, chat: str, *texts: str) -> list[Json]:
        """Waits until exactly these texts have come out, in this order."""
        until(lambda: len(self.sent(chat)) >= len(texts), f"{texts} on the phone")
        assert self.sent(chat) == list(texts)
        return [one for one in self.on_phone(chat) if one["from_me"]]

    def raw(
        self,
        chat: Json,
        message_id: str,
        text: str = "",
        *,
        sender: Json | None = None,
        outgoing: bool = False,
        **message: object,
    ) -> None:
        """An event exactly as a gateway might send it; without `sender` that of the chat wrote."""
        group = str(chat.get("jid") or "").endswith("@g.us")
        data = {
            "id": message_id,
            "direction": "outgoing" if outgoing else "incoming",
            "timestamp": now(),
            "chat": {"type": "group" if group else "private", **chat},
            "sender": chat if sender is None else sender,
            "message": {"type": "text", "content": text, "source": "", **message},
        }
        self.phone.control("POST", "events", {"event": "message.exchange", "data": data})

    # -- the agent ---------------------------------------------------------------------------------

    def api(self, method: str, path: str, json: object = None, **more: Any) -> Any:
        """A call of Chatwoot's own API as its administrator."""
        answer = requests.request(
            method,
            f"{self.chatwoot.base_url}/api/v1/accounts/1/{path}",
            json=json,
            headers={"api-access-token": SandboxChatwoot.admin},
            timeout=30,
            **more,
        )
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def conversations(self, chat: str) -> list[Json]:
        """The conversations of a chat, oldest first."""
        source_ids = {chat, chat.partition("@")[0]}
        found = self.chatwoot.control("GET", "agent/conversations")
        mine = [one for one in found if one["source_id"] in source_ids and one["account_id"] == 1]
        return sorted(mine, key=lambda one: int(one["id"]))

    def conversation(self, chat: str) -> int:
        """The one conversation of a chat, once it is there."""
        until(lambda: self.conversations(chat), f"a conversation of {chat}")
        [one] = self.conversations(chat)
        return int(one["id"])

    def thread(self, conversation: int) -> list[Json]:
        """All messages of a conversation but Chatwoot's own remarks."""
        found = self.chatwoot.control("GET", f"agent/conversations/{conversation}/messages")
        return [one for one in found if one["message_type"] != 2]

    def texts(self, conversation: int) -> list[str]:
        """What stands in a conversation."""
        return [one["content"] for one in self.thread(conversation)]

    def shows(self, conversation: int, *texts: str) -> list[Json]:
        """Waits until exactly these messages stand there, in this order."""
        until(lambda: len(self.texts(conversation)) >= len(texts), f"{texts} in Chatwoot")
        assert self.texts(conversation) == list(texts)
        return self.thread(conversation)

    def arrived(self, conversation: int, count: int) -> Json:
        """The newest message, once there are so many."""
        until(lambda: len(self.thread(conversation)) >= count, f"{count} messages in Chatwoot")
        thread = self.thread(conversation)
        assert len(thread) == count, [one["content"] for one in thread]
        return thread[-1]

    def reply(self, conversation: int, text: str = "", **more: object) -> Json:
        """The agent answers; `in_reply_to` is the id of the message it quotes."""
        if quoted := more.pop("in_reply_to", None):
            more["content_attributes"] = {"in_reply_to": quoted}
        said: Json = self.chatwoot.control(
            "POST", f"agent/conversations/{conversation}/messages", {"content": text, **more}
        )
        return said

    def attach(self, conversation: int, text: str, *files: tuple[str, bytes, str]) -> Json:
        """The agent answers with files: name, content, type."""
        answer = requests.post(
            f"{self.chatwoot.base_url}/sandbox/api/agent/conversations/{conversation}/messages",
            data={"content": text},
            files=[("attachments[]", file) for file in files],
            timeout=30,
        )
        assert answer.ok, answer.text
        said: Json = answer.json()
        return said

    def message(self, conversation: int, message_id: int) -> Json:
        """One message as Chatwoot has it now."""
        return next(one for one in self.thread(conversation) if one["id"] == message_id)

    def status(self, conversation: int, message_id: int) -> str:
        """How far a message has come, as its agent sees it."""
        return str(self.message(conversation, message_id)["status"])

    def reaches(self, conversation: int, message_id: int, status: str) -> None:
        """Waits until the agent of a message sees this status."""
        until(lambda: self.status(conversation, message_id) == status, f"the status {status}")

    def resolve(self, conversation: int) -> None:
        """The agent is done with it; returns when the bridge knows."""
        path = f"agent/conversations/{conversation}/toggle_status"
        self.chatwoot.control("POST", path, {"status": "resolved"})
        self.knows_status(conversation, "resolved")

    def knows_status(self, conversation: int, status: str) -> None:
        """Waits until the bridge has heard of the status."""
        sql = "select 1 from thread where conversation_id = ? and status = ?"
        until(lambda: self.rows(sql, conversation, status), f"{conversation} being {status}")

    def contact(self, conversation: int) -> Json:
        """The contact of a conversation."""
        [one] = [
            one
            for one in self.chatwoot.control("GET", "agent/conversations")
            if int(one["id"]) == conversation
        ]
        found: Json = self.api("GET", f"contacts/{one['meta']['sender']['id']}")["payload"]
        return found

    # -- what happened between ---------------------------------------------------------------------

    def meet(self, text: str = "hello") -> tuple[str, int]:
        """A new customer whose first message has arrived: number and conversation."""
        number = self.number()
        self.customer(number, text)
        conversation = self.conversation(number)
        self.shows(conversation, text)
        self.settled(number)
        return number, conversation

    def open_entries(self, chat: str) -> list[tuple[Any, ...]]:
        """What of a chat is on its way: job, state, reason."""
        sql = (
            "select job, state, reason from journal "
            "where state in ('ready', 'sending', 'unconfirmed') and job <> 'typing' "
            "and chat_id in (select chat_id from alias where form like ? || '%')"
        )
        return self.rows(sql, chat.partition("@")[0])

    def dead(self, *chats: str) -> list[str]:
        """Why messages of some chats were given up."""
        sql = (
            "select reason from journal where state = 'dead' "
            "and chat_id in (select chat_id from alias where form like ? || '%')"
        )
        return [reason for chat in chats for (reason,) in self.rows(sql, chat.partition("@")[0])]

    def settled(self, chat: str) -> None:
        """Waits until nothing of a chat is on its way."""
        until(lambda: not self.open_entries(chat), f"an empty queue of {chat}")

    def calls_to_chatwoot(self, conversation: int = 0) -> list[str]:
        """The calls of the bridge since the last `forget_calls`, as `METHOD route`, perhaps only
        those about one conversation. Looking for missed replies is left out."""
        about = f"/conversations/{conversation}/" if conversation else "/contact"
        return [
            f"{one['method']} {one['route']}"
            for one in self.chatwoot.requests()
            if about in one["path"]
            or (not conversation and one["method"] == "POST" and "conversations" in one["path"])
        ]

    def forget_calls(self) -> None:
        """Begins to count."""
        self.chatwoot.control("DELETE", "requests")


def _comm(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    return ""
