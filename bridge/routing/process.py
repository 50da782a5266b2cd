"""The router as a process: one at a time for an instance folder, stopped by SIGTERM."""

import logging
import signal
import threading

from bridge.config.settings import Settings
from bridge.domain.errors import ActivationRunning
from bridge.routing.from_chatwoot.lookups import LookupWorkers
from bridge.routing.from_chatwoot.polling import Polling
from bridge.routing.from_chatwoot.socket_listeners import SocketListeners
from bridge.routing.from_chatwoot.webhook_watcher import WebhookWatcher
from bridge.routing.from_gateway.listeners import Listeners
from bridge.routing.router import LONGEST_S, Router
from bridge.runtime.heartbeat import Heartbeat
from bridge.services import Services

log = logging.getLogger(__name__)

_SYNC_S = 2.0


def run_router(settings: Settings) -> None:
    """Routes until SIGTERM or SIGINT. Waits while another router has this folder."""
    services = Services.open(settings)
    stop, news = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        stop.set()
        news.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    while not stop.is_set():
        try:
            with services.store.exclusive("router", timeout_s=1):
                _route(services, stop, news)
        except ActivationRunning:
            # Another one routes: we are well, and wait.
            services.store.beat("router")
    services.close()


def _route(services: Services, stop: threading.Event, news: threading.Event) -> None:
    try:
        services.wakeup.listen()
    except OSError as error:
        log.warning(
            "the router cannot be woken (%s): it looks for new messages every second",
            error.strerror,
        )
    heartbeat = Heartbeat(services.settings.beat_file("router"), longest_s=LONGEST_S)
    polling, lookups = Polling(services, heartbeat), LookupWorkers(services, heartbeat)
    sockets = SocketListeners(services, heartbeat, ask=polling.ask)
    webhooks = WebhookWatcher(services, heartbeat)
    listeners = Listeners(services, heartbeat, last_beat=services.store.beat_at("router"))
    router = Router(services, heartbeat, heard_since=listeners.heard_since, on_change=news.set)
    thread = threading.Thread(target=router.run, name="router")
    thread.start()
    log.debug("routing")
    syncs = (listeners.sync, sockets.sync, polling.sync, lookups.sync, webhooks.sync)
    while not stop.is_set() and thread.is_alive():
        router.beat()
        for sync in syncs:
            sync()
        # Who was just activated is heard at once: a gateway's socket replays nothing.
        news.wait(_SYNC_S)
        news.clear()
    for part in (listeners, sockets, polling, lookups, router):
        part.stop()
    thread.join()
    stop.set()
