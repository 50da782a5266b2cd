"""Who listens on the websocket, and what is sent to them (docs/contracts/chatwoot.md, Socket)."""

import json
import queue
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from simple_websocket import ConnectionClosed, Server

from sandbox.chatwoot.faults import Faults
from sandbox.chatwoot.jobs import Jobs
from sandbox.chatwoot.progress import Progress, stops_at
from sandbox.chatwoot.records import AgentBot, Inbox, Json, User
from sandbox.chatwoot.state import State
from sandbox.chatwoot.versions import Trait, fitted

PING_SECONDS = 3.0


class Connection:
    """One open websocket with its confirmed subscriptions: identifier -> (user, account id).
    `clock` gives UTC seconds."""

    def __init__(self, socket_: Server, clock: Callable[[], float]) -> None:
        self.socket, self._clock = socket_, clock
        self.frames: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.subscriptions: dict[str, tuple[User | None, int]] = {}

    def send_frames(self) -> None:
        """Send what is queued, and a ping every three seconds, until stopped."""
        next_ping = time.monotonic() + PING_SECONDS
        while True:
            try:
                frame = self.frames.get(timeout=max(0.0, next_ping - time.monotonic()))
            except queue.Empty:
                frame = json.dumps({"type": "ping", "message": int(self._clock())})
                next_ping += PING_SECONDS
            if frame is None:
                return
            try:
                self.socket.send(frame)
            except (ConnectionClosed, OSError):
                return

    def cut(self) -> None:
        """Close the connection without a goodbye."""
        sock: socket.socket | None = self.socket.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class Subscribers:
    """Who listens on the websocket, and telling them. Best effort, no replay."""

    def __init__(self, state: State, faults: Faults, jobs: Jobs) -> None:
        """`deaf`: sockets ping and confirm, and tell nothing, as after Redis was away."""
        self._state = state
        self._faults = faults
        self._jobs = jobs
        self.deaf = False
        self._lock = threading.Lock()
        self._open: list[Connection] = []

    def enter(self, connection: Connection) -> None:
        with self._lock:
            self._open = [*self._open, connection]

    def leave(self, connection: Connection) -> None:
        with self._lock:
            self._open = [one for one in self._open if one is not connection]

    def cut_all(self) -> int:
        """Cut every connection; how many there were."""
        cut = self._open
        for connection in cut:
            connection.cut()
        return len(cut)

    def listening(self) -> list[Json]:
        """The open connections with who listens on them."""
        return [
            {"subscriptions": [user.name if user else "contact" for user, _ in subscriptions]}
            for subscriptions in (list(one.subscriptions.values()) for one in self._open)
        ]

    def online(self) -> set[int]:
        """The ids of the users who listen."""
        subscriptions = [pair for one in self._open for pair in list(one.subscriptions.values())]
        return {user.id for user, _ in subscriptions if user}

    def tell(
        self,
        inbox: Inbox,
        event: str,
        data: Callable[[], Json],
        *,
        but: User | AgentBot | None = None,
    ) -> None:
        """Tell the administrators of the account and the members of the inbox."""

        def concerned(user: User, subscribed: int) -> bool:
            role = user.roles.get(str(inbox.account_id))
            member = role is not None and user.id in inbox.members
            return user is not but and (role == "administrator" or member)

        self._tell(event, data, concerned)

    def tell_account(self, account_id: int, event: str, data: Callable[[], Json]) -> None:
        """Tell everybody who subscribed with the account (since 4.0.4)."""
        if self._state.options.has(Trait.CONTACTS_TOLD):
            self._tell(event, data, lambda user, subscribed: subscribed == account_id)

    def tell_user(self, user_id: int, event: str, data: Json) -> None:
        self._tell(event, lambda: data, lambda user, subscribed: user.id == user_id)

    def _tell(
        self, event: str, data: Callable[[], Json], concerned: Callable[[User, int], bool]
    ) -> None:
        connections = self._open
        if not connections or self.deaf or stops_at(Progress.MOVED):
            return
        if self._faults.use("cable_lost", path=event):
            return
        message: str | None = None
        for connection in connections:
            for identifier, (user, account) in list(connection.subscriptions.items()):
                if user is None or not concerned(user, account):
                    continue
                if message is None:
                    body = fitted(self._state.options.version, data())
                    message = json.dumps({"event": event, "data": body}, ensure_ascii=False)
                head = json.dumps(identifier)
                frame = f'{{"identifier":{head},"message":{message}}}'
                self._jobs.run(event, partial(connection.frames.put, frame))

    def handle(self, connection: Connection, text: str) -> None:
        """Act on a client's frame. What is no valid command is ignored, as ActionCable does."""
        try:
            frame = json.loads(text)
            identifier = str(frame["identifier"])
            channel = json.loads(identifier)
            command = frame["command"]
        except (ValueError, KeyError, TypeError):
            return
        if command == "unsubscribe":
            connection.subscriptions.pop(identifier, None)
        if command == "subscribe" and isinstance(channel, dict):
            self._subscribe(connection, identifier, channel)
        if command == "message" and identifier in connection.subscriptions:
            self._presence(connection, identifier)

    def _subscribe(self, connection: Connection, identifier: str, channel: Json) -> None:
        if channel.get("channel") != "RoomChannel" or self._faults.use("cable_silent"):
            return
        if identifier in connection.subscriptions:
            return
        token, account_id = channel.get("pubsub_token"), channel.get("account_id")
        with self._state.lock:
            if channel.get("user_id") is None:
                # The customer's side: confirmed, but no event here is for customers.
                places = self._state.contact_inboxes.values()
                if all(place.pubsub_token != token for place in places):
                    return
                connection.subscriptions[identifier] = (None, 0)
            else:
                users = self._state.users.values()
                user = next((one for one in users if one.pubsub_token == token), None)
                # A wrong token makes the look-up raise in Chatwoot: no confirmation follows.
                if user is None or str(user.id) != str(channel["user_id"]):
                    return
                if str(account_id) not in user.roles:
                    return
                connection.subscriptions[identifier] = (user, int(str(account_id)))
        connection.frames.put(
            json.dumps({"identifier": identifier, "type": "confirm_subscription"})
        )
        self._presence(connection, identifier)

    def _presence(self, connection: Connection, identifier: str) -> None:
        """Subscribing, and `update_presence`, marks the user online and tells who else is."""
        user, account_id = connection.subscriptions[identifier]
        if user is None or self.deaf:
            return
        data = {"account_id": account_id, "users": {str(user.id): "online"}, "contacts": {}}
        message = {"event": "presence.update", "data": data}
        connection.frames.put(json.dumps({"identifier": identifier, "message": message}))
