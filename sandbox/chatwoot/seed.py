"""The well-known first state: three accounts, three people, one bot. Documented, loopback only."""

from sandbox.chatwoot.records import Account, AgentBot, User

ADMIN_TOKEN = "sandbox-admin-token"  # noqa: S105 - public by design
AGENT_TOKEN = "sandbox-agent-token"  # noqa: S105
OTHER_TOKEN = "sandbox-other-token"  # noqa: S105
BOT_TOKEN = "sandbox-bot-token"  # noqa: S105
ACCOUNT_ID = 1


def seed_rows() -> list[Account | User | AgentBot]:
    """Fresh rows of the first state."""
    admin, agent = "administrator", "agent"
    return [
        Account(id=1, name="Sandbox"),
        Account(id=2, name="Other company", locale="pt_BR"),
        Account(id=3, name="Suspended company", status="suspended"),
        User(
            1, "Ana Admin", "ana@sandbox.test", ADMIN_TOKEN, "pubsub-ana", {"1": admin, "3": admin}
        ),
        User(2, "Bruno Agent", "bruno@sandbox.test", AGENT_TOKEN, "pubsub-bruno", {"1": agent}),
        User(3, "Olga Other", "olga@sandbox.test", OTHER_TOKEN, "pubsub-olga", {"2": admin}),
        AgentBot(id=1, name="Sandbox bot", access_token=BOT_TOKEN, account_id=1),
    ]
