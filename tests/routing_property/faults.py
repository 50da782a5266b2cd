"""What can go wrong around the bridge, for Hypothesis to choose from."""

from typing import Any

from hypothesis import strategies as st

#: Faults of a real Chatwoot that pass without a person, by the sandbox's words (docs/sandbox.md).
# Left out: what deletes something, and what is about the bytes of a file.
# fmt: off
WORDS = [
    "messages-locked", "messages-unreadable", "contacts-locked", "conversations-locked",
    "conversations-unreadable", "attachments-locked", "attachments-unreadable", "tokens-locked",
    "accounts-locked", "conversation-row-locked", "contact-row-locked", "two-waits",
    "pool-exhausted", "deadlock-messages", "deadlock-contacts", "deadlock-conversations",
    "disk-full-messages", "disk-full-contacts", "out-of-memory-messages", "pg-read-only",
    "pg-down", "just-booted", "ids-jump", "pg-stopped", "redis-down", "redis-goes", "redis-full",
    "redis-read-only", "redis-hangs", "redis-restarted", "redis-emptied", "cable-deaf",
    "jobs-stopped", "jobs-killed", "jobs-late", "jobs-shuffled", "jobs-doubled", "web-killed",
    "web-restarted", "web-hangs", "request-waits", "answer-lost", "account-suspended",
    "api-disabled", "user-demoted", "user-removed", "rate-limited", "search-limited", "proxy-502",
    "proxy-503", "proxy-504", "proxy-502-done", "late-504", "firewall-403", "redirected",
    "truncated", "plain-text",
]
# fmt: on
#: These are about jobs, or about everything: they cannot be bound to one conversation.
UNBOUND = {"jobs-stopped", "jobs-killed", "jobs-late", "jobs-shuffled", "jobs-doubled"}

words = st.fixed_dictionaries(
    {
        "fault": st.sampled_from(WORDS),
        "seconds": st.sampled_from([1.0, 3.0, 6.0]),
        "delay": st.sampled_from([0.0, 0.3, 1.0]),
        "after": st.just(0.7),
        "chance": st.sampled_from([1.0, 0.5]),
    }
)

chatwoot = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["drop", "drop_after", "html"])}),
    st.fixed_dictionaries(
        {"kind": st.just("refuse"), "status": st.sampled_from([500, 502, 503, 504])}
    ),
    st.just({"kind": "refuse", "status": 429, "retry_after": 1}),
    st.just({"kind": "slow_after", "seconds": 0.3}),
)
webhooks = st.sampled_from(
    [
        {"kind": "webhook_double"},
        {"kind": "webhook_lost"},
        {"kind": "webhook_shuffle", "seconds": 0.5},
        {"kind": "webhook_delay", "seconds": 0.4},
    ]
)

_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"


def _foreign(status: int, raw: str, **more: Any) -> st.SearchStrategy[dict[str, Any]]:
    """An answer that is not the gateway's, in place of the action or after it."""
    kinds = st.sampled_from(["status", "status_after"])
    return st.fixed_dictionaries(
        {"kind": kinds, "status": st.just(status), "raw": st.just(raw)}
        | {name: st.just(value) for name, value in more.items()}
    )


gateway = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["drop_before", "drop_after"])}),
    st.sampled_from(
        [
            {"kind": "status", "status": 503, "message": "Instance is not connected to WhatsApp"},
            {"kind": "status", "status": 429, "message": "Too many requests"},
            {"kind": "slow_after", "seconds": 0.3},
        ]
    ),
    _foreign(502, _PAGE.format("502 Bad Gateway")),
    _foreign(503, "upstream connect error or disconnect/reset before headers"),
    _foreign(200, _PAGE.format("Welcome")),
    _foreign(200, '{"success": true, "message": "Message se'),
)
#: A firewall or a proxy that answers in place of the gateway: nothing was done.
in_front_of_gateway = st.sampled_from(
    [
        {"kind": "status", "status": 403, "raw": _PAGE.format("403 Forbidden")},
        {"kind": "status", "status": 428, "raw": _PAGE.format("428 Precondition Required")},
        {"kind": "status", "status": 404, "raw": _PAGE.format("404 Not Found")},
        {"kind": "status", "status": 401, "raw": "{}"},
        {"kind": "status", "status": 302, "raw": _PAGE.format("302 Found"),
         "headers": {"Location": "https://elsewhere.example/"}},
    ]
)  # fmt: skip
# A gateway keeps the order of what it tells about a chat, except for receipts and our own echoes.
events = st.sampled_from(
    [
        {"kind": "webhook_double", "seconds": 0.2},
        {"kind": "webhook_delay", "seconds": 0.4},
        {"kind": "webhook_shuffle", "event": "message.status", "seconds": 0.5},
        {"kind": "webhook_shuffle", "body": "chatwoot-bridge:", "seconds": 0.5},
    ]
)
