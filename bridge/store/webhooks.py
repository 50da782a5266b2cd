"""Whether each inbox carries our webhook address, why not, and since when."""

from dataclasses import dataclass
from enum import StrEnum

from bridge.store import Store
from bridge.store.columns import names, write


class WebhookCalls(StrEnum):
    """ON: the address stands in the inbox. TRYING: it does, and Chatwoot has yet to call it. OFF:
    it does not."""

    ON = "on"
    TRYING = "trying"
    OFF = "off"


class Why(StrEnum):
    """Why there is no address: none is set; it is private, and this Chatwoot calls no such address
    by default; Chatwoot refused to call it; Chatwoot did not call it; another program's stands in
    the inbox."""

    NONE = ""
    PRIVATE = "private"
    GUARD = "guard"
    SILENT = "silent"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Webhook:
    """The webhook of one inbox. Times are UTC seconds, 0 for never.

    `public_url` and `version` (of Chatwoot) are those that the judgement was made with;
    `changed_at` is when the address was put or taken off, `tried_at` when it was last put to see
    whether Chatwoot calls, `refused_at` when Chatwoot last said that it may not call it. `probed`:
    a call was asked for, so that silence proves something.
    """

    calls: WebhookCalls
    why: Why = Why.NONE
    public_url: str = ""
    version: str = ""
    changed_at: float = 0.0
    tried_at: float = 0.0
    refused_at: float = 0.0
    probed: bool = False


class Webhooks:
    """The webhooks of every integration."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, integration_id: str) -> Webhook | None:
        """None where nothing has been judged yet."""
        sql = f"select {names(Webhook)} from webhook where integration_id = ?"
        return self._store.db.first(Webhook, sql, integration_id)

    def is_off(self, integration_id: str) -> bool:
        """Whether Chatwoot was told not to call us."""
        webhook = self.of(integration_id)
        return webhook is not None and webhook.calls is WebhookCalls.OFF

    def save(self, integration_id: str, webhook: Webhook) -> None:
        """Stores it in place of the one before. Raises StorageFailed."""
        with self._store.write() as db:
            if db.has("select 1 from integration where id = ?", integration_id):
                row = {"integration_id": integration_id, **write(webhook)}
                db.put("webhook", row, key="integration_id")

    def note_refused(self, integration_id: str, *, now: float) -> bool:
        """Chatwoot said that it may not call the address; whether that is news. Raises
        StorageFailed."""
        known = self.of(integration_id)
        if known is None or known.calls is WebhookCalls.OFF or known.refused_at > known.changed_at:
            return False
        sql = "update webhook set refused_at = ? where integration_id = ?"
        return self._store.change(sql, now, integration_id) > 0
