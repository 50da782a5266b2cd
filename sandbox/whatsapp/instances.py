"""The instances of the gateway account and where their events go.

Source: docs/contracts/ryzeapi.md, Instances and Events.
"""

import json
import sqlite3
import time
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.gateways.ryzeapi.wire import Json
from sandbox.whatsapp.directory import PHONE_SUFFIX
from sandbox.whatsapp.store import Store

EVENTS = (
    "message.exchange",
    "message.status",
    "call.update",
    "group.flow",
    "instance.state",
    "label.update",
)
MAX_ENABLED_WEBHOOKS = 3


@dataclass(frozen=True)
class Webhook:
    """A webhook of one label; an empty `events` means all six."""

    label: str
    enabled: bool
    url: str = ""
    authorization: str | None = None
    by_events: bool = False
    events: tuple[str, ...] = ()
    media_base64: bool = False

    def wants(self, event: str) -> bool:
        return self.enabled and (not self.events or event in self.events)

    def as_json(self) -> Json:
        return {
            "label": self.label,
            "enabled": self.enabled,
            "url": self.url,
            "authorization": self.authorization,
            "byEvents": self.by_events,
            "events": list(self.events),
            "mediaBase64": self.media_base64,
        }


@dataclass(frozen=True)
class Socket:
    """The WebSocket permission of an instance."""

    enabled: bool
    events: tuple[str, ...] = ()
    media_base64: bool = False

    def wants(self, event: str) -> bool:
        return not self.events or event in self.events

    def as_json(self) -> Json:
        return {
            "enabled": self.enabled,
            "events": list(self.events),
            "mediaBase64": self.media_base64,
        }


@dataclass(frozen=True)
class Instance:
    """One WhatsApp number in the gateway.  `number` is empty until it has been paired.

    `state` is `connected`, `connecting`, `disconnected` or `logged_out`.
    """

    name: str
    token: str
    number: str
    profile: str
    state: str
    created_at: float
    options: Json = field(default_factory=dict)
    socket: Socket | None = None
    webhooks: dict[str, Webhook] = field(default_factory=dict)

    @property
    def connected(self) -> bool:
        return self.state == "connected"

    @property
    def jid(self) -> str:
        return self.number + PHONE_SUFFIX if self.number else ""


class Instances:
    """All instances, held in memory and written through to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = store.lock  # one lock for all: two could wait for each other
        self.load()

    def load(self) -> None:
        """Read everything anew from the store."""
        with self._lock:
            found = self._store.rows("select * from instance order by created_at, name")
            self._all = {row["name"]: _instance(row) for row in found}
            for row in self._store.rows("select * from webhook order by label"):
                owner = self._all.get(row["instance"])
                if owner:
                    owner.webhooks[row["label"]] = _webhook(row)
            self._by_token = {each.token: each.name for each in self._all.values()}

    def all(self) -> list[Instance]:
        with self._lock:
            return list(self._all.values())

    def get(self, name: str) -> Instance | None:
        return self._all.get(name)

    def by_token(self, token: str) -> Instance | None:
        return self._all.get(self._by_token.get(token, ""))

    def save(self, instance: Instance) -> Instance:
        """Add an instance or replace the one of that name; its webhooks are saved apart."""
        socket = json.dumps(instance.socket.as_json()) if instance.socket else None
        with self._lock:
            self._store.run(
                "insert or replace into instance values (?, ?, ?, ?, ?, ?, ?, ?)",
                instance.name, instance.token, instance.number, instance.profile, instance.state,
                instance.created_at, json.dumps(instance.options), socket,
            )  # fmt: skip
            self._all[instance.name] = instance
            self._by_token[instance.token] = instance.name
        return instance

    def change(self, name: str, **values: Any) -> Instance:
        with self._lock:
            return self.save(replace(self._all[name], **values))

    def create(self, name: str, token: str, options: Json) -> Instance | None:
        """A new, unpaired instance; None when the name or the token is taken."""
        with self._lock:
            if name in self._all or token in self._by_token:
                return None
            return self.save(Instance(name, token, "", "", "disconnected", time.time(), options))

    def delete(self, name: str) -> None:
        """Remove an instance with all that belongs to it."""
        with self._lock:
            gone = self._all.pop(name)
            self._by_token.pop(gone.token, None)
            with self._store.write() as db:
                db.execute("delete from instance where name = ?", (name,))
                db.execute("delete from webhook where instance = ?", (name,))
                db.execute("delete from message where instance = ?", (name,))
                db.execute("delete from held where instance = ?", (name,))
                db.execute("delete from delivery where instance = ?", (name,))

    def save_webhook(self, name: str, webhook: Webhook) -> bool:
        """Store a webhook under its label; False when it would be the fourth enabled one.

        A disabled one keeps its row and loses everything else (docs/contracts/ryzeapi.md,
        Webhooks).
        """
        if not webhook.enabled:
            webhook = Webhook(webhook.label, enabled=False)
        with self._lock:
            owner = self._all[name]
            others = sum(
                each.enabled for label, each in owner.webhooks.items() if label != webhook.label
            )
            if webhook.enabled and others >= MAX_ENABLED_WEBHOOKS:
                return False
            self._store.run(
                "insert or replace into webhook values (?, ?, ?, ?, ?, ?, ?, ?)",
                name, webhook.label, int(webhook.enabled), webhook.url, webhook.authorization,
                int(webhook.by_events), json.dumps(webhook.events), int(webhook.media_base64),
            )  # fmt: skip
            hooks = dict(owner.webhooks) | {webhook.label: webhook}
            self._all[name] = replace(owner, webhooks=dict(sorted(hooks.items())))
        return True


def _instance(row: sqlite3.Row) -> Instance:
    socket = None
    if row["websocket"]:
        stored = json.loads(row["websocket"])
        socket = Socket(stored["enabled"], tuple(stored["events"]), stored["mediaBase64"])
    return Instance(
        row["name"], row["token"], row["number"], row["profile"], row["state"],
        row["created_at"], json.loads(row["options"]), socket,
    )  # fmt: skip


def _webhook(row: sqlite3.Row) -> Webhook:
    return Webhook(
        row["label"], bool(row["enabled"]), row["url"], row["authorization"],
        bool(row["by_events"]), tuple(json.loads(row["events"])), bool(row["media_base64"]),
    )  # fmt: skip
