"""The phone: one object that carries all parts, and the one way an event leaves it."""

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from flask import current_app

from sandbox.kit.body import dumps
from sandbox.kit.limits import Limits
from sandbox.kit.requestlog import RequestLog
from sandbox.kit.settings import Settings
from sandbox.whatsapp.deliveries import Deliveries, Job
from sandbox.whatsapp.dialect import Call, Dialect, Event, Happening, MessagePosted
from sandbox.whatsapp.directory import PHONE_SUFFIX, Directory, Group, Person
from sandbox.whatsapp.faults import Faults
from sandbox.whatsapp.instances import Instance, Instances
from sandbox.whatsapp.sockets import Pulse, Sockets
from sandbox.whatsapp.store import Store
from sandbox.whatsapp.switches import Switches

# Documented, and worth nothing outside the loopback interface this server is bound to.
ACCOUNT_TOKEN = "sandbox-gateway-account-token"  # noqa: S105
INSTANCE_TOKEN = "sandbox-gateway-token"  # noqa: S105
INSTANCE = "sandbox-phone"
_NUMBER = 5511900000001
_JOAO_LID = "100000000000001@lid"
#: The name of the phone among the application's extensions.
EXTENSION = "sandbox_phone"
_LOGGED_REQUESTS = 5000


class Emit(Protocol):
    """Tells of a happening. Events of one `lane` stay in order; `media` is the id of a file."""

    def __call__(
        self, instance: Instance, happening: Happening, *, lane: str = "", media: str | None = None
    ) -> None: ...


def the_phone() -> "Phone":
    """The phone of the running application."""
    phone: Phone = current_app.extensions[EXTENSION]
    return phone


class Phone:
    """Store, directory, instances, webhooks, sockets and switches of one pretend WhatsApp."""

    def __init__(self, database: Path | None, dialects: Iterable[type[Dialect]]) -> None:
        self.store = Store(database)
        self.switches = Switches()
        self.directory = Directory(self.store)
        self.instances = Instances(self.store)
        self.faults = Faults()
        self.sockets = Sockets()
        self.pulse = Pulse()
        self.requests = RequestLog(_LOGGED_REQUESTS)
        self.limits = Limits()
        self.base_url = ""
        #: Who is seen to type, by instance and chat: what they do, and until when.
        self.typing: dict[tuple[str, str], tuple[str, float]] = {}
        self.tries: dict[str, int] = {}
        self.dialects = {dialect.kind: dialect(self) for dialect in dialects}
        for settings in self._settings():
            settings.change(self.store.switches(settings.as_json()))
        self.deliveries = Deliveries(self.store, self.faults, lambda: self.switches, self._call)
        if not self.instances.all():
            self._seed()

    def _settings(self) -> list[Settings]:
        return [self.switches, *(dialect.switches for dialect in self.dialects.values())]

    def dialect_of(self, instance: Instance) -> Dialect:
        return self.dialects[instance.gateway]

    def dialect_at(self, path: str) -> Dialect | None:
        """The dialect whose API a path belongs to; None for the phone's own pages."""
        return next((each for each in self.dialects.values() if path.startswith(each.paths)), None)

    def _seed(self) -> None:
        """The instances, the three people and the group that a newcomer finds."""
        for position, kind in enumerate(self.dialects):
            name, token = (f"sandbox-{kind}", f"sandbox-{kind}-token")
            if position == 0:
                name, token = INSTANCE, INSTANCE_TOKEN
            number = str(_NUMBER + position)
            self.instances.save(
                Instance(name, token, kind, number, "Sandbox Shop", state="connected")
            )
        people = [
            Person("5511988887777" + PHONE_SUFFIX, "João da Silva", _JOAO_LID),
            Person("551188776655" + PHONE_SUFFIX, "Maria"),
            Person("5215512345678" + PHONE_SUFFIX, "Carlos (México)"),
        ]
        for person in people:
            self.directory.save_person(person)
        members = tuple(person.jid for person in people)
        self.directory.save_group(Group("120363000000000001@g.us", "Família", members))

    def reset(self, *, keep_instances: bool = False) -> None:
        """Back to the first day; kept instances are connected, with token and webhooks."""
        with self.store.lock:
            instances = self.instances.all() if keep_instances else []
            self.deliveries.forget()
            self.store.empty()
            for part in (self.faults, self.requests, self.limits, self.typing, self.tries):
                part.clear()
            self.switches = Switches()
            for dialect in self.dialects.values():
                dialect.reset()
            self.instances.load()
            self._seed()
            for instance in instances:
                state = "connected" if instance.number else instance.state
                self.instances.save(replace(instance, state=state))
        self.pulse.rise()

    def all_switches(self) -> dict[str, Any]:
        """Every switch by name, those of the gateways too."""
        return {name: on for each in self._settings() for name, on in each.as_json().items()}

    def change_switches(self, wanted: dict[str, Any]) -> None:
        """Set some switches for good; ValueError says which value is wrong."""
        known = self.all_switches()
        if unknown := wanted.keys() - known.keys():
            raise ValueError(f"unknown switch {min(unknown)!r}; known: {', '.join(sorted(known))}")
        for settings in self._settings():
            mine = settings.as_json().keys() & wanted.keys()
            settings.change({name: wanted[name] for name in mine})
        self.store.save_switches(wanted)
        self.deliveries.wake()

    @contextmanager
    def acting(self) -> Iterator[Emit]:
        """One step of the pretend WhatsApp: what it stores and the events it causes, at once.

        Yields `emit(instance, happening)`.  Events of a step are queued in the transaction of the
        step and handed over after it, in order.
        """
        jobs: list[Job] = []
        frames: list[tuple[str, str]] = []

        def emit(
            instance: Instance, happening: Happening, *, lane: str = "", media: str | None = None
        ) -> None:
            dialect, socket, delay_s = self.dialect_of(instance), instance.socket, 0.0
            if isinstance(happening, MessagePosted) and happening.message.from_me:
                delay_s = self.switches.echo_delay_s
            raw = [happening] if isinstance(happening, Event) else None
            for event in raw or dialect.encode(instance, happening):
                text = dumps(event.data)
                if not instance.connected and event.name not in dialect.never_held:
                    self.store.run(
                        "insert into held (instance, event, lane, data, media)"
                        " values (?, ?, ?, ?, ?)",
                        instance.name, event.name, lane, text, media,
                    )  # fmt: skip
                    continue
                jobs.extend(self._jobs(instance, event.name, text, lane, media, delay_s))
                listens = self.sockets.of(instance.name)
                if listens and (socket is None or socket.wants(event.name)):
                    with_media = socket is not None and socket.media_base64
                    frame = dialect.frame(instance, event.name, text, media if with_media else None)
                    frames.append((instance.name, frame))

        with self.store.lock:
            with self.store.write():
                yield emit
            if jobs:
                self.deliveries.push(jobs)
            for name, frame in frames:
                self.sockets.send(name, frame)
        self.pulse.rise()

    def release_held(self, instance: Instance, emit: Emit) -> None:
        """Emit what WhatsApp held for the instance while it was away, oldest first."""
        sql = "select * from held where instance = ? order by id"
        for row in self.store.rows(sql, instance.name):
            event = Event(row["event"], json.loads(row["data"]))
            emit(instance, event, lane=row["lane"], media=row["media"])
        self.store.run("delete from held where instance = ?", instance.name)

    def _jobs(
        self, instance: Instance, event: str, data: str, lane: str, media: str | None,
        delay_s: float,
    ) -> Iterator[Job]:  # fmt: skip
        for label, webhook in instance.webhooks.items():
            if not webhook.enabled or not webhook.wants(event):
                continue
            columns = (instance.name, label, event, lane, data, media, 0, time.time())
            with self.store.write() as db:
                number = db.execute(
                    "insert into delivery values (null, ?, ?, ?, ?, ?, ?, ?, ?)", columns
                ).lastrowid
            yield Job(number or 0, *columns, delay_s)

    def _call(self, job: Job) -> Call | None:
        """The request of a delivery; None when its webhook is gone or wants it no more."""
        instance = self.instances.get(job.instance)
        webhook = instance.webhooks.get(job.label) if instance else None
        if not instance or not webhook or not webhook.enabled or not webhook.wants(job.event):
            return None
        media = job.media if webhook.media_base64 else None
        return self.dialect_of(instance).call(instance, webhook, job.event, job.data, media)
