"""One bridge with three numbers of one gateway, joined to two accounts of one Chatwoot.

Two numbers have an inbox each in the same account. In the other account ids begin at 1 as well, so
that conversations and contacts of different people have the same ids. The same customers write to
all three numbers.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import Any

import requests

from bench.loop import INSTANCE, Loop
from tests.support.processes import SandboxChatwoot, SandboxPhone

Json = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One number of the gateway and the Chatwoot account that it is joined to; `user_id` is the
    owner of the token there."""

    instance: str
    account_id: int
    chatwoot_token: str
    user_id: int


LINES = (
    Line(INSTANCE, 1, SandboxChatwoot.admin, 1),
    Line("second", 1, SandboxChatwoot.admin, 1),
    Line("third", 2, SandboxChatwoot.other, 3),
)


@dataclass(frozen=True)
class Chat:
    """A customer's number, and ours that the customer writes to."""

    line: Line
    number: str

    def __str__(self) -> str:
        return f"{self.number}@{self.line.instance}"


class Installation(Loop):
    """The bridge, its gateway and its Chatwoot, all real processes."""

    inboxes: dict[tuple[int, int], Line]

    def activate(self) -> None:
        """Makes the instances on both sides and joins each to its account."""
        for line in LINES:
            token = SandboxPhone.instance_token
            if line.instance != INSTANCE:
                token = f"gateway-token-of-{line.instance}"
                self._make_number(line.instance, token)
            gateway = {"kind": "ryzeapi", "baseUrl": self.phone.base_url, "token": token}
            wish = {"name": line.instance, "gateway": gateway}
            self.bridge.api("POST", "/api/instance/new", wish).raise_for_status()
            joined = {
                "chatwootBaseUrl": self.chatwoot.base_url,
                "chatwootAccountId": line.account_id,
                "chatwootApiToken": line.chatwoot_token,
                "inboxName": line.instance,
                "reopenResolved": True,
            }
            answer = self.bridge.api("POST", f"/api/chatwoot/set/{line.instance}", joined)
            answer.raise_for_status()
            # The sandbox calls private addresses, as its operator would know.
            self.bridge.command("webhook", line.instance)
        lines = {line.instance: line for line in LINES}
        sql = "select name, account_id, inbox_id from integration join instance on instance_id = "
        self.inboxes = {
            (account, inbox): lines[name] for name, account, inbox in self.rows(f"{sql}instance.id")
        }

    def _make_number(self, name: str, token: str) -> None:
        made = requests.post(
            f"{self.phone.base_url}/api/instance/new",
            json={"name": name, "token": token},
            headers={"token": SandboxPhone.account_token},
            timeout=30,
        )
        made.raise_for_status()
        self.phone.control("POST", "state", {"instance": name, "state": "connected"})

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the bridge has written down."""
        place = f"file:{self.bridge.instance_dir / 'bridge.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as db:
            return db.execute(sql).fetchall()

    # -- Chatwoot ----------------------------------------------------------------------------------

    def found_conversations(self, chats: list[Chat]) -> dict[Chat, list[int]]:
        """The conversations of some chats, oldest first."""
        found: dict[Chat, list[int]] = {chat: [] for chat in chats}
        for one in sorted(self.conversations(), key=lambda one: int(one["id"])):
            line = self.inboxes.get((int(one["account_id"]), int(one["inbox_id"])))
            chat = line and Chat(line, str(one["source_id"]).partition("@")[0])
            if chat in found:
                found[chat].append(int(one["id"]))
        return found

    def thread(self, chat: Chat, conversation: int) -> list[Json]:
        """What customers, agents and the owner of the phone wrote there, oldest first."""
        path = f"agent/conversations/{conversation}/messages?account_id={chat.line.account_id}"
        messages: list[Json] = self.chatwoot.control("GET", path)
        return [one for one in messages if one["message_type"] in (0, 1)]

    def reply(self, chat: Chat, conversation: int, text: str) -> None:
        """The agent answers."""
        path = f"agent/conversations/{conversation}/messages?account_id={chat.line.account_id}"
        self.chatwoot.control("POST", path, {"content": text})

    # -- WhatsApp ----------------------------------------------------------------------------------

    def writes(self, who: str, chat: Chat, text: str, kind: str = "text") -> None:
        """The `customer` or the `owner` of our number writes in a chat."""
        place = {"instance": chat.line.instance, "chat": chat.number}
        self.phone.control("POST", who, {**place, "kind": kind, "text": text})

    def sent(self, chat: Chat) -> list[str]:
        """What came out of our number in a chat."""
        path = f"messages?instance={chat.line.instance}&chat={chat.number}"
        messages = self.phone.control("GET", path)["messages"]
        return [str(one["text"]) for one in messages if one["from_me"]]
