"""Where Chatwoot and the gateways call us: read, store, acknowledge; everything else comes later.

Chatwoot marks a message as failed unless it is answered with 200 at once, whatever it sent
(docs/contracts/chatwoot.md, Webhooks); a gateway repeats what was not acknowledged
(docs/contracts/ryzeapi.md, Webhooks).
"""

import contextlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response
from werkzeug.wsgi import get_input_stream

from bridge.chatwoot import events
from bridge.domain.errors import BridgeError, StorageFailed
from bridge.domain.models import Instance, Integration, Secret
from bridge.gateways.base import Gateway
from bridge.routing import context
from bridge.routing.from_chatwoot import webhook_address, webhook_trust
from bridge.routing.from_chatwoot.receive import receive
from bridge.routing.from_gateway.receive import receive_events
from bridge.services import Services
from bridge.store.cache import Cache
from bridge.store.feeds import Feed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/hooks/"
#: Events of a gateway may carry files; they are bounded all the same, in bytes.
MAX_BYTES = 90 * 1024 * 1024
#: A webhook of Chatwoot holds the message and what is around it, never a file.
MAX_WEBHOOK_BYTES = 16 * 1024 * 1024
#: Twice what the API and the forms take, so that they say themselves what is too much.
MAX_OTHER_BYTES = 128 * 1024

log = logging.getLogger(__name__)

_OK = (200, "ok")


@dataclass(frozen=True, slots=True)
class _Caller:
    """A gateway that may call us; `integration` is None while the instance is not joined."""

    instance: Instance
    secret: Secret
    adapter: Gateway | None
    integration: Integration | None


class Hooks:
    """In front of the application for people and programs: a webhook needs no session, form or
    language, and its sender waits for the answer."""

    def __init__(self, services: Services, others: "WSGIApplication") -> None:
        self._services, self._others = services, others
        self._callers = Cache(services.store, self._caller)
        self._integrations = Cache(services.store, services.integrations.by_webhook_key)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "Iterable[bytes]":
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._others(environ, start_response)
        side, _, key = path.removeprefix(PREFIX).partition("/")
        if environ["REQUEST_METHOD"] != "POST":
            status, text = 405, "only POST"
        elif side == "chatwoot":
            status, text = self._chatwoot(key, environ)
        elif side == "gateway":
            status, text = self._gateway(key, environ)
        else:
            status, text = 404, "unknown address"
        answer = Response(f"{text}\n", status, mimetype="text/plain")
        return answer(environ, start_response)

    def most_bytes(self, path: str) -> int:
        """How large a body may be at a path (without its escapes), in bytes. Only who knows the
        secret in an address of ours is heard at length."""
        if path.startswith(PREFIX):
            side, _, key = path.removeprefix(PREFIX).partition("?")[0].partition("/")
            # Whatever is wrong with the database, the request itself will meet and say.
            with contextlib.suppress(Exception):
                if side == "gateway" and self._callers.get(key) is not None:
                    return MAX_BYTES
                if side == "chatwoot" and self._integrations.get(key) is not None:
                    return MAX_WEBHOOK_BYTES
        return MAX_OTHER_BYTES

    def _chatwoot(self, key: str, environ: "WSGIEnvironment") -> tuple[int, str]:
        """A webhook of a Chatwoot inbox: always 200."""
        try:
            integration = self._integrations.get(key)
            if integration is not None:
                self._store(integration, environ)
        except Exception:
            # The next regular look finds its message.
            log.exception("a webhook could not be read")
        return _OK

    def _store(self, integration: Integration, environ: "WSGIEnvironment") -> None:
        raw, services = _body(environ), self._services
        now = services.clock()
        secret, event = integration.webhook_secret, events.parse_webhook(_json(raw))
        if not secret:
            webhook_address.note_call(integration, services)
            with contextlib.suppress(StorageFailed):
                services.feeds.note_unsigned(integration.id, now=now)
            webhook_trust.look_up(integration, event, services)
            return
        signed_at = events.signed_at(secret, _headers(environ), raw)
        if signed_at is not None and webhook_trust.is_current(signed_at, integration, services):
            webhook_address.note_call(integration, services)
            receive(integration, event, services, feed=Feed.WEBHOOK)
            return
        # Also has the router look soon, which learns the secret and the clock anew.
        with contextlib.suppress(StorageFailed):
            services.feeds.note_rejected(integration.id, now=now)
        wrong = "by Chatwoot" if signed_at is None else "at the time that Chatwoot's clock shows"
        log.warning("a webhook for %s was not signed %s: it is asked", integration.id, wrong)
        webhook_trust.look_up(integration, event, services)

    def _gateway(self, key: str, environ: "WSGIEnvironment") -> tuple[int, str]:
        """An event of a gateway: 200 once it is stored, 503 to have it repeated."""
        services = self._services
        try:
            caller = self._callers.get(key)
            if caller is None:
                return 404, "unknown address"
            if caller.adapter is None:
                return 404, "no gateway is set for this instance"
            raw = _body(environ)
            if not caller.adapter.authorized(_headers(environ), raw, caller.secret):
                return 401, "wrong authorization"
            received = caller.adapter.parse(
                _json(raw), now=services.clock(), spool=services.settings.spool
            )
            receive_events(caller.instance, caller.integration, received, services, called=True)
        except HTTPException as error:
            return (413, "too large") if error.code == 413 else (503, "it did not come whole")
        except BridgeError as error:
            log.error("an event could not be stored: %s", error.message)
            return 503, "not stored, send it again"
        except Exception:
            log.exception("an event could not be stored")
            return 503, "not stored, send it again"
        return _OK

    def _caller(self, key: str) -> _Caller | None:
        services = self._services
        row = services.instances.by_hook_key(key)
        if row is None:
            return None
        instance, secret = row
        return _Caller(
            instance,
            secret,
            context.gateway_of(instance, services),
            services.integrations.of(instance.id),
        )


def _headers(environ: "WSGIEnvironment") -> dict[str, str]:
    """What was sent along, under the names as they are usually written."""
    return {
        name[5:].replace("_", "-").title(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }


def _body(environ: "WSGIEnvironment") -> bytes:
    """All of it. Raises werkzeug's HTTPExceptions when it is too large."""
    return get_input_stream(environ, max_content_length=MAX_BYTES).read()


def _json(raw: bytes) -> dict[str, Any]:
    """The body as an object. A non-object body is treated as `{}` and ignored."""
    # The second reads what the first refuses: half a pair of surrogates, NaN and the like.
    for decode in (msgspec.json.decode, json.loads):
        with contextlib.suppress(ValueError, RecursionError):
            body = decode(raw)
            return body if isinstance(body, dict) else {}
    return {}
