"""Puts messages into the journal of a running bridge, in states that take long to come by."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.chatwoot.events import AgentMessage
from bridge.config.settings import load
from bridge.domain.messages import Address, ChatKind, Kind, Message
from bridge.routing import jobs
from bridge.services import Services
from tests.support.processes import ACCOUNT_TOKEN, Bridge


@contextmanager
def services_of(bridge: Bridge) -> Iterator[Services]:
    """The installation of a running bridge, as another process sees it."""
    environ = {
        "BRIDGE_INSTANCE_DIR": str(bridge.instance_dir),
        "BRIDGE_ACCOUNT_TOKEN": ACCOUNT_TOKEN,
        "BRIDGE_SANDBOX": "false",
    }
    services = Services.open(load(environ))
    try:
        yield services
    finally:
        services.close()


@dataclass(frozen=True)
class Journal:
    """Writes for one instance of a bridge."""

    bridge: Bridge
    instance: str = "support"

    def chat(self, phone: str = "5511999990001", name: str = "Maria Souza") -> int:
        """A private chat; its id."""
        jid = f"{phone}@s.whatsapp.net"
        with services_of(self.bridge) as services, services.store.write() as db:
            instance = services.instances.find(self.instance)
            assert instance
            known = db.execute(
                "select chat_id from alias where instance_id = ? and form = ?", [instance.id, jid]
            ).fetchone()
            if known:
                return int(known[0])
            chat_id = db.execute(
                "insert into chat (instance_id, kind, address, name) values (?, 'private', ?, ?) "
                "returning id",
                [instance.id, jid, name],
            ).fetchone()[0]
            db.execute("insert into alias values (?, ?, ?)", [instance.id, jid, chat_id])
        return int(chat_id)

    def add(
        self,
        key: str,
        *,
        job: str = "message",
        state: str = "done",
        text: str = "Where is my order?",
        reason: str = "",
        ago: float = 0.0,
        tries: int = 0,
        phone: str = "5511999990001",
        name: str = "Maria Souza",
    ) -> int:
        """An entry that was accepted `ago` seconds ago; its id."""
        chat_id = self.chat(phone, name)
        at = time.time() - ago
        jid = f"{phone}@s.whatsapp.net"
        address = Address(jid, name=name)
        said = Message(key, address, ChatKind.PRIVATE, address, False, Kind.TEXT, at, text=text)
        full, body = f"message:{key}", jobs.encode(said)
        if job != "message":
            number = int("".join(filter(str.isdigit, key.partition(":")[0])) or 1)
            reply = AgentMessage(id=number, conversation_id=4, text=text, type="outgoing")
            full, body = key, jobs.encode(jobs.ReplyPart(reply, 0))
        with services_of(self.bridge) as services, services.store.write() as db:
            instance = services.instances.find(self.instance)
            assert instance
            entry_id = db.execute(
                "insert into journal (instance_id, chat_id, job, key, position, body, state, "
                "reason, due_at, received_at, done_at, message_id) "
                "values (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?) returning id",
                [
                    *(instance.id, chat_id, job, full, body, state, reason),
                    *(at + 3600 if state == "unconfirmed" else 0.0, at),
                    at + 1 if state in {"done", "dead"} else None,
                    key if job == "message" else None,
                ],
            ).fetchone()[0]
            for number in range(tries):
                db.execute(
                    "insert into try values (?, ?, 0.25, 'failed', ?)",
                    [entry_id, at + number / 10, reason],
                )
        return int(entry_id)

    def pair(self, whatsapp_id: str, chatwoot_id: int, conversation_id: int) -> None:
        """Notes the two ids of a message."""
        chat_id = self.chat()
        with services_of(self.bridge) as services, services.store.write() as db:
            instance = services.instances.find(self.instance)
            assert instance
            integration = services.integrations.of(instance.id)
            assert integration
            db.execute(
                "insert into pair (instance_id, whatsapp_id, chat_id, from_me, integration_id, "
                "conversation_id, chatwoot_id) values (?, ?, ?, 0, ?, ?, ?)",
                [instance.id, whatsapp_id, chat_id, integration.id, conversation_id, chatwoot_id],
            )
