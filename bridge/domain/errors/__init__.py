"""Everything that can go wrong and be told to a person; anything else is a bug and shows as 500.

A class says what the *reader* would do differently. `sentence` is the contract's English sentence
(docs/contracts/ryzeapi.md, Tokens, Not found and Chatwoot module) and the pages' translation key;
`remedy` is the next step.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.domain.errors.base import MAX_DETAIL as MAX_DETAIL
from bridge.domain.errors.base import N_ as N_
from bridge.domain.errors.base import BridgeError as BridgeError
from bridge.domain.errors.base import Problem as Problem
from bridge.domain.errors.chatwoot import AccessDenied as AccessDenied
from bridge.domain.errors.chatwoot import AccountSuspended as AccountSuspended
from bridge.domain.errors.chatwoot import AccountUnknown as AccountUnknown
from bridge.domain.errors.chatwoot import AddressBlocked as AddressBlocked
from bridge.domain.errors.chatwoot import ApiNotEnabled as ApiNotEnabled
from bridge.domain.errors.chatwoot import BotToken as BotToken
from bridge.domain.errors.chatwoot import ChatwootFailing as ChatwootFailing
from bridge.domain.errors.chatwoot import ChatwootNotFound as ChatwootNotFound
from bridge.domain.errors.chatwoot import ChatwootRedirects as ChatwootRedirects
from bridge.domain.errors.chatwoot import ChatwootRejects as ChatwootRejects
from bridge.domain.errors.chatwoot import ChatwootThrottles as ChatwootThrottles
from bridge.domain.errors.chatwoot import ChatwootTooOld as ChatwootTooOld
from bridge.domain.errors.chatwoot import ChatwootUnreachable as ChatwootUnreachable
from bridge.domain.errors.chatwoot import FrontAnswers as FrontAnswers
from bridge.domain.errors.chatwoot import FrontDenies as FrontDenies
from bridge.domain.errors.chatwoot import FrontFails as FrontFails
from bridge.domain.errors.chatwoot import InboxGone as InboxGone
from bridge.domain.errors.chatwoot import InboxLimit as InboxLimit
from bridge.domain.errors.chatwoot import NotAdministrator as NotAdministrator
from bridge.domain.errors.chatwoot import NotChatwoot as NotChatwoot
from bridge.domain.errors.chatwoot import NotMember as NotMember
from bridge.domain.errors.chatwoot import SomethingInFront as SomethingInFront
from bridge.domain.errors.chatwoot import TokenNotReceived as TokenNotReceived
from bridge.domain.errors.chatwoot import TokenRejected as TokenRejected
from bridge.domain.errors.routing import AddressLost as AddressLost
from bridge.domain.errors.routing import BeforeRestore as BeforeRestore
from bridge.domain.errors.routing import GivenUp as GivenUp
from bridge.domain.errors.routing import NoEcho as NoEcho
from bridge.domain.errors.routing import NothingToSend as NothingToSend
from bridge.domain.errors.routing import NotYet as NotYet
from bridge.domain.errors.routing import Unexpected as Unexpected
from bridge.domain.errors.stored import StoredWords as StoredWords
from bridge.domain.errors.stored import dump as dump
from bridge.domain.errors.stored import load as load

# -- our own doors (docs/contracts/ryzeapi.md, Tokens, Not found and Envelopes) --------------------


class MissingToken(BridgeError):
    code, status = "missing_token", 401
    sentence = N_("Missing token in header")
    remedy = N_("Send the account token or the instance token in the header `token`.")


class InvalidToken(BridgeError):
    code, status = "invalid_token", 401
    sentence = N_("Invalid token")
    remedy = N_(
        "Use the account token (kept in the file account-token of the instance folder) "
        "or the token of this very instance."
    )


class ForeignInstance(BridgeError):
    code, status = "foreign_instance", 403
    sentence = N_("Instance token does not match the instance")
    remedy = N_("Use the token of this instance, or the account token.")


class RateLimited(BridgeError):
    code, status, retryable = "rate_limited", 429, True
    sentence = N_("Rate limit exceeded. Try again later.")
    remedy = N_("Wait until the time in X-RateLimit-Reset.")


class ModuleOff(BridgeError):
    code, status = "module_off", 503
    sentence = N_("integration gateway not configured")
    remedy = N_("Set BRIDGE_CHATWOOT_ENABLED=true and restart the bridge.")


class InstanceUnknown(BridgeError):
    """Lower case in the Chatwoot module (docs/contracts/ryzeapi.md, Not found)."""

    code, status = "instance_unknown", 404
    sentence = N_("instance not found")
    remedy = N_("Check the name of the instance, or create it first.")


class InstanceMissing(InstanceUnknown):
    """The same fact in the instance module's spelling (docs/contracts/ryzeapi.md, Not found)."""

    code = "instance_missing"
    sentence = N_("Instance not found")


class IntegrationMissing(BridgeError):
    code, status = "integration_missing", 404
    sentence = N_("no chatwoot integration for this instance")
    remedy = N_("Activate the integration first.")


class NothingToDelete(IntegrationMissing):
    code = "nothing_to_delete"
    sentence = N_("no chatwoot integration to delete")


class InstanceExists(BridgeError):
    code, status = "instance_exists", 409
    sentence = N_("Instance already exists")
    remedy = N_("Choose another name, or use the instance that is there.")


class TokenTaken(BridgeError):
    code, status = "token_taken", 409
    sentence = N_("Instance token already in use")
    remedy = N_("Leave the token out and one is made for you.")


class ActivationRunning(BridgeError):
    code, status, retryable = "activation_running", 409, True
    sentence = N_("another change of this integration is still running - try again in a minute")
    remedy = N_("Wait a minute and look at the status of the instance.")


class InvalidBody(BridgeError):
    """The caller's input; `problems` maps each field to the rule that it breaks, and is empty in
    one that was stored."""

    code, status = "invalid_body", 400
    sentence = N_("invalid body: {problems}")
    remedy = N_("Correct the field that is named and send it again.")
    problems: Mapping[str, Problem] = MappingProxyType({})

    def __init__(self, problems: dict[str, Problem]) -> None:
        self.problems = problems
        said = "; ".join(f"{field} {rule}".lstrip() for field, rule in problems.items())
        super().__init__(field=next(iter(problems), None), problems=said)

    def renamed(self, names: Mapping[str, str]) -> "InvalidBody":
        """The same for a door that calls its fields otherwise."""
        return InvalidBody({names.get(one, one): rule for one, rule in self.problems.items()})


class MessageUnknown(BridgeError):
    code, status = "message_unknown", 404
    sentence = N_("there is no message {id}")
    remedy = N_("Look it up by phone number, name, text or one of its ids.")


class MessageElsewhere(BridgeError):
    """The deed does not fit the state that the message is in by now."""

    code, status = "message_elsewhere", 409
    sentence = N_("message {id} is {state}: it cannot be changed that way")
    remedy = N_("Look at the message again; it may have gone on meanwhile.")


class NoWebhookAddress(BridgeError):
    """Webhooks are asked for and there is no address that Chatwoot could call."""

    code, status = "no_webhook_address", 409
    sentence = N_("there is no address that Chatwoot could call")
    remedy = N_("Set BRIDGE_PUBLIC_URL and restart; until then Chatwoot is heard over its socket.")


class WebhookTaken(BridgeError):
    """An inbox has one webhook address, and it is somebody else's."""

    code, status = "webhook_taken", 409
    sentence = N_("another program's webhook address stands in the inbox: {host}")
    remedy = N_(
        "Remove it in Chatwoot if nothing needs it; until then Chatwoot is heard over its socket."
    )


class WebhookRefused(BridgeError):
    """No setting makes this version call a private address."""

    code, status = "webhook_refused", 409
    sentence = N_("Chatwoot {version} calls no private addresses, and {url} is one")
    remedy = N_(
        "Upgrade Chatwoot to 4.14.1 or later and set SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true in it, "
        "or give the bridge a public BRIDGE_PUBLIC_URL; until then its socket is heard."
    )


# -- this machine ----------------------------------------------------------------------------------


class PersistFailed(BridgeError):
    code, status = "persist_failed", 500
    sentence = N_("chatwoot integration failed: persist integration: {cause}")
    remedy = N_(
        "The bridge could not write its database. Check the free space and the rights of the "
        "instance folder, then try again."
    )


class StorageFailed(BridgeError):
    code, status = "storage_failed", 500
    sentence = N_("the database of the bridge could not be written: {cause}")
    remedy = N_("Check the free space and the rights of the instance folder, then try again.")


class TokenUnreadable(BridgeError):
    code, status = "token_unreadable", 500
    sentence = N_("the stored token cannot be opened: it was changed or moved in the database")
    remedy = N_("Activate the integration again with its Chatwoot token.")


class StartupError(BridgeError):
    """The service must not start; the message is one clear line for the operator."""

    code = "startup"
    sentence = N_("{reason}")
