"""The wizard's answers between two pages: sealed in the database; the browser holds their id."""

from dataclasses import asdict, dataclass
from typing import Any

from flask import session

from bridge.activation.validation import SET_FIELDS
from bridge.domain.models import GatewayConfig, Integration, Membership, Secret, TokenOwner
from bridge.services import Services
from bridge.web.pages import Trouble

#: The questions in their order; each is a page.
STEPS = ("instance", "address", "account", "token", "inbox", "review")
_ANSWER = {"instance": "instance", "address": "base_url", "inbox": "inbox_name"}


@dataclass(slots=True)
class Draft:
    """What was answered so far. Nothing is written before `save`."""

    id: str
    answers: dict[str, Any]
    services: Services

    @classmethod
    def of_session(cls, services: Services) -> "Draft | None":
        draft_id = session.get("draft", "")
        answers = services.drafts.read(draft_id, now=services.clock()) if draft_id else None
        return None if answers is None else cls(draft_id, answers, services)

    @classmethod
    def begin(cls, services: Services, **answers: Any) -> "Draft":
        """A new draft in place of the one that this browser had."""
        before = session.get("draft")
        if before:
            services.drafts.remove(before)
        draft_id = services.drafts.begin(answers, now=services.clock())
        session["draft"] = draft_id
        return cls(draft_id, answers, services)

    def save(self, **changes: Any) -> None:
        """Notes the answers; None takes one back. A failure shown before is answered herewith."""
        self.answers = {
            name: value
            for name, value in {**self.answers, "failure": None, **changes}.items()
            if value is not None
        }
        self.services.drafts.save(self.id, self.answers, now=self.services.clock())

    def replace(self, **answers: Any) -> None:
        """Forgets everything else."""
        self.answers = {}
        self.save(**answers)

    def take_instance_token(self) -> Secret:
        """The token of the instance that the wizard made, this once; empty afterwards."""
        token = Secret(self.answers.get("instance_token", ""))
        if token:
            self.save(instance_token=None)
        return token

    # -- reading -----------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """An answer as a field shows it."""
        value = self.answers.get(name)
        return "" if value is None else str(value)

    @property
    def token(self) -> Secret:
        return Secret(self.answers.get("token", ""))

    @property
    def gateway(self) -> GatewayConfig | None:
        chosen = self.answers.get("instance") or self.answers.get("suggested") or {}
        gateway = chosen.get("gateway")
        return GatewayConfig(**gateway | {"token": Secret(gateway["token"])}) if gateway else None

    @property
    def account_id(self) -> int | None:
        return self.answers.get("account_id")

    @property
    def owner(self) -> TokenOwner | None:
        """Whose token it is, once Chatwoot has said so."""
        owner = self.answers.get("owner")
        if owner is None:
            return None
        accounts = tuple(Membership(**account) for account in owner["accounts"])
        return TokenOwner(owner["name"], owner["email"], accounts)

    @property
    def account(self) -> Membership | None:
        owner = self.owner
        return owner.account(self.account_id) if owner and self.account_id else None

    @property
    def failure(self) -> tuple[str, Trouble] | None:
        """The step that a failure belongs to, and what to say there."""
        failure = self.answers.get("failure")
        return (failure["step"], Trouble.unpacked(failure["trouble"])) if failure else None

    def has_answered(self, step: str) -> bool:
        """Whether the page needs no visit any more."""
        if step == "token":
            return bool(self.token)
        if step != "account":
            return _ANSWER.get(step) in self.answers
        if self.owner is None:
            # Without a token it may stay open: afterwards there is a choice.
            return self.account_id is not None or "account_later" in self.answers
        return self.account is not None and self.account.may_administer

    def next_step(self) -> str:
        """The first page that needs a visit; at the end the review."""
        return next(step for step in STEPS if not self.has_answered(step))

    def may_visit(self, step: str) -> bool:
        """Whether everything before this page is answered."""
        before = [page for page in STEPS[: STEPS.index(step)] if not self.has_answered(page)]
        # Another token may be what opens the wanted account.
        return not before or (step == "token" and before == ["account"] and self.owner is not None)

    def wish(self) -> dict[str, Any]:
        """The answers as a body for `validation.activation_request`."""
        body = {field: self.answers.get(name) for name, field in SET_FIELDS.items()}
        return {**body, SET_FIELDS["api_token"]: self.token}


def answers_of(name: str, integration: Integration) -> dict[str, Any]:
    """The answers that would lead to an integration as it is; for editing it."""
    return {
        "instance": {"name": name},
        "base_url": integration.base_url,
        "version": integration.chatwoot_version,
        "account_id": integration.account_id,
        "token": integration.api_token,
        "inbox_name": integration.inbox_name,
        "editing": True,
        **asdict(integration.options),
    }
