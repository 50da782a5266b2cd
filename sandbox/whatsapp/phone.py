"""The phone: one object that carries all parts, and the one way an event leaves it."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.gateways.ryzeapi.wire import Json, dumps
from sandbox.kit.limits import Limits
from sandbox.whatsapp import media as media_files
from sandbox.whatsapp.deliveries import Courier, Job
from sandbox.whatsapp.directory import PHONE_SUFFIX, Directory, Group, Person
from sandbox.whatsapp.faults import Faults
from sandbox.whatsapp.hub import Hub, Pulse
from sandbox.whatsapp.instances import Instance, Instances, Webhook
from sandbox.whatsapp.store import Store
from sandbox.whatsapp.switches import Switches
from sandbox.whatsapp.watch import journal

# Documented, and worth nothing outside the loopback interface this server is bound to.
ACCOUNT_TOKEN = "sandbox-gateway-account-token"  # noqa: S105
INSTANCE_TOKEN = "sandbox-gateway-token"  # noqa: S105
INSTANCE = "sandbox-phone"
NUMBER = "5511900000001"
JOAO_LID = "100000000000001@lid"


class Phone:
    """Store, directory, instances, webhooks, sockets and switches of one pretend gateway."""

    def __init__(self, database: Path | None) -> None:
        self.store = Store(database)
        self.switches = Switches().changed(self.store.switches())
        self.directory = Directory(self.store)
        self.instances = Instances(self.store)
        self.faults = Faults()
        self.hub = Hub()
        self.pulse = Pulse()
        self.journal = journal()
        self.limits = Limits()
        self.base_url = ""
        self.not_yet: dict[str, int] = {}
        self.typing: dict[tuple[str, str], tuple[str, float]] = {}
        self.courier = Courier(
            self.store, self.faults, lambda: self.switches, self._webhook, self._webhook_body
        )
        if not self.instances.all():
            self._seed()

    def _seed(self) -> None:
        """The instance, the three people and the group that a newcomer finds."""
        self.instances.save(
            Instance(INSTANCE, INSTANCE_TOKEN, NUMBER, "Sandbox Shop", "connected", time.time())
        )
        people = [
            Person("5511988887777" + PHONE_SUFFIX, "João da Silva", JOAO_LID),
            Person("551188776655" + PHONE_SUFFIX, "Maria"),
            Person("5215512345678" + PHONE_SUFFIX, "Carlos (México)"),
        ]
        for person in people:
            self.directory.save_person(person)
        members = tuple(person.jid for person in people)
        self.directory.save_group(Group("120363000000000001@g.us", "Família", members))

    def reset(self, *, keep_instances: bool = False) -> None:
        """Back to the first day.

        With `keep_instances` they stay with token and webhooks, and are connected again.
        """
        with self.store.lock:
            self.courier.forget()
            kept = ("instance", "webhook") if keep_instances else ()
            self.store.empty(keep=kept)
            self.faults.clear()
            self.journal.clear()
            self.limits.clear()
            self.not_yet.clear()
            self.switches = Switches()
            self.directory.load()
            self.instances.load()
            if keep_instances:
                instances = self.instances.all()
                self._seed()
                for instance in instances:
                    state = "connected" if instance.number else instance.state
                    self.instances.save(replace(instance, state=state))
                self.instances.load()
            else:
                self._seed()
        self.pulse.rise()

    def change_switches(self, wanted: dict[str, Any]) -> None:
        """Set some switches for good; ValueError says which value is wrong."""
        self.switches = self.switches.changed(wanted)
        self.store.save_switches(wanted)
        self.courier.wake()

    @contextmanager
    def acting(self) -> Iterator[Callable[..., None]]:
        """One step of the pretend WhatsApp: what it stores and the events it causes, at once.

        Yields `emit(instance, event, data, lane=, media=)`.  Events of a step are queued in the
        transaction of the step and handed over after it, in order.
        """
        jobs: list[Job] = []
        frames: list[tuple[str, str]] = []

        def emit(
            instance: Instance, event: str, data: Json, *, lane: str = "", media: str | None = None
        ) -> None:
            text = dumps(data)
            if not instance.connected and event != "instance.state":
                self.store.run(
                    "insert into held (instance, event, lane, data, media) values (?, ?, ?, ?, ?)",
                    instance.name, event, lane, text, media,
                )  # fmt: skip
                return
            jobs.extend(self._jobs(instance, event, text, lane, media))
            if self.hub.count(instance.name) and (
                instance.socket is None or instance.socket.wants(event)
            ):
                with_media = bool(instance.socket and instance.socket.media_base64)
                frame = self._envelope(instance, event, text, media if with_media else None)
                frames.append((instance.name, frame))

        with self.store.lock:
            with self.store.write():
                yield emit
            if jobs:
                self.courier.push(jobs)
            for name, frame in frames:
                self.hub.send(name, frame)
        self.pulse.rise()

    def release_held(self, instance: Instance, emit: Callable[..., None]) -> None:
        """Emit what WhatsApp kept for the instance while it was away, oldest first."""
        for row in self.store.rows("select * from held where instance = ? order by id",
                                   instance.name):  # fmt: skip
            data = json.loads(row["data"])
            emit(instance, row["event"], data, lane=row["lane"], media=row["media"])
        self.store.run("delete from held where instance = ?", instance.name)

    def _jobs(
        self, instance: Instance, event: str, data: str, lane: str, media: str | None
    ) -> Iterator[Job]:
        for webhook in instance.webhooks.values():
            if not webhook.wants(event):
                continue
            job = Job(0, instance.name, webhook.label, event, lane, data, media, 0, time.time())
            job.delay_s = self.switches.echo_delay_s if '"direction":"outgoing"' in data else 0.0
            with self.store.write() as db:
                job.id = db.execute(
                    "insert into delivery (instance, label, event, lane, data, media, created_at)"
                    " values (?, ?, ?, ?, ?, ?, ?)",
                    (job.instance, job.label, event, lane, data, media, job.created_at),
                ).lastrowid or 0  # fmt: skip
            yield job

    def _webhook(self, instance: str, label: str) -> Webhook | None:
        found = self.instances.get(instance)
        return found.webhooks.get(label) if found else None

    def _webhook_body(self, job: Job, media_base64: bool) -> bytes:
        instance = self.instances.get(job.instance)
        if instance is None:
            raise ValueError("the instance is gone")
        media = job.media if media_base64 else None
        return self._envelope(instance, job.event, job.data, media).encode()

    def _envelope(self, instance: Instance, event: str, data: str, media: str | None) -> str:
        """The body of docs/contracts/ryzeapi.md, Events; `media` is the file to put in as base64,
        if any."""
        if media is not None:
            opened = json.loads(data)
            opened["message"]["media"]["base64"] = self.base64_of(media)
            data = dumps(opened)
        owner = {"baseUrl": self.base_url, "instance": instance.name, "token": instance.token}
        return f'{{"event":"{event}","data":{data},"instanceData":{dumps(owner)}}}'

    def base64_of(self, media_id: str) -> str:
        """A stored file as the gateway hands it out: raw base64, or a data URI by switch."""
        text = base64.b64encode(media_files.body(self.store, media_id)).decode()
        described = media_files.load(self.store, media_id)
        if self.switches.base64_data_uri and described:
            return f"data:{described.mime};base64,{text}"
        return text
