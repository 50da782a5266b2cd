"""The instances: one number each, spoken for by one gateway, and where their events go."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sandbox.kit.body import Json, dumps
from sandbox.whatsapp.directory import PHONE_SUFFIX
from sandbox.whatsapp.store import Store


@dataclass(frozen=True)
class Subscription:
    """A webhook, or the permission for websockets; empty `events` means all.

    `options` are what only the instance's gateway knows, such as headers.
    """

    enabled: bool = False
    url: str = ""
    events: tuple[str, ...] = ()
    media_base64: bool = False
    options: Json = field(default_factory=dict)

    def wants(self, event: str) -> bool:
        return not self.events or event in self.events


@dataclass(frozen=True)
class Instance:
    """One WhatsApp number in a gateway.  `number` is empty until it has been paired.

    `state` is `connected`, `connecting`, `disconnected` or `logged_out`; `gateway` the kind of the
    dialect that speaks for it, `options` what only that gateway knows.
    """

    name: str
    token: str
    gateway: str
    number: str = ""
    profile: str = ""
    state: str = "disconnected"
    options: Json = field(default_factory=dict)
    socket: Subscription | None = None
    webhooks: dict[str, Subscription] = field(default_factory=dict)

    @property
    def connected(self) -> bool:
        return self.state == "connected"

    @property
    def jid(self) -> str:
        return self.number + PHONE_SUFFIX if self.number else ""


class Instances:
    """All instances, oldest first, held in memory and written through to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = store.lock  # one lock for all: two could wait for each other
        self.load()

    def load(self) -> None:
        """Read everything anew from the store."""
        with self._lock:
            rows = self._store.rows("select name, body from instance order by rowid")
            self._all = {row["name"]: _instance(json.loads(row["body"])) for row in rows}

    def all(self) -> list[Instance]:
        with self._lock:
            return list(self._all.values())

    def get(self, name: str) -> Instance | None:
        return self._all.get(name)

    def save(self, instance: Instance) -> Instance:
        with self._lock:
            self._store.run(
                "insert into instance values (?, ?)"
                " on conflict (name) do update set body = excluded.body",
                instance.name,
                dumps(asdict(instance)),
            )
            self._all[instance.name] = instance
        return instance

    def change(self, name: str, **values: Any) -> Instance:
        with self._lock:
            return self.save(replace(self._all[name], **values))

    def create(self, instance: Instance) -> bool:
        """Add an instance; False when its name or token is taken."""
        with self._lock:
            tokens = [each.token for each in self.all()]
            if instance.name in self._all or instance.token in tokens:
                return False
            self.save(instance)
            return True

    def delete(self, name: str) -> None:
        with self._lock, self._store.write() as db:
            db.execute("delete from instance where name = ?", (name,))
            db.execute("delete from message where instance = ?", (name,))
            db.execute("delete from held where instance = ?", (name,))
            db.execute("delete from delivery where instance = ?", (name,))
            del self._all[name]

    def save_webhook(self, name: str, label: str, webhook: Subscription) -> Instance:
        with self._lock:
            hooks = self._all[name].webhooks | {label: webhook}
            return self.change(name, webhooks=dict(sorted(hooks.items())))


def _instance(body: Json) -> Instance:
    hooks = {label: _subscription(hook) for label, hook in body["webhooks"].items()}
    socket = _subscription(body["socket"]) if body["socket"] else None
    return Instance(**body | {"webhooks": hooks, "socket": socket})


def _subscription(body: Json) -> Subscription:
    return Subscription(**body | {"events": tuple(body["events"])})
