"""Everything that can go wrong and is shown to a person; anything else is a bug and shows as 500.

A class says what the *reader* would do differently. `sentence` is the contract's English sentence
(docs/contracts/ryzeapi.md, Tokens, Not found and Chatwoot module) and the pages' translation key;
`remedy` is the next step.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.domain.errors.base import N_ as N_
from bridge.domain.errors.base import UNKNOWN as UNKNOWN
from bridge.domain.errors.base import BridgeError as BridgeError
from bridge.domain.errors.base import Problem as Problem
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

# -- our own API and pages (docs/contracts/ryzeapi.md, Tokens, Not found and Envelopes) ---------


class MissingToken(BridgeError, code="missing_token", status=401):
    sentence = N_("Missing token in header")
    remedy = N_("Send the account token or the instance token in the header `token`.")


class InvalidToken(BridgeError, code="invalid_token", status=401):
    sentence = N_("Invalid token")
    remedy = N_(
        "Use the account token (kept in the file account-token of the instance folder) "
        "or the token of this very instance."
    )


class ForeignInstance(BridgeError, code="foreign_instance", status=403):
    sentence = N_("Instance token does not match the instance")
    remedy = N_("Use the token of this instance, or the account token.")


class RateLimited(BridgeError, code="rate_limited", status=429, retryable=True):
    sentence = N_("Rate limit exceeded. Try again later.")
    remedy = N_("Wait until the time in X-RateLimit-Reset.")


class ModuleOff(BridgeError, code="module_off", status=503):
    sentence = N_("integration gateway not configured")
    remedy = N_("Set BRIDGE_CHATWOOT_ENABLED=true and restart the bridge.")


class InstanceUnknown(BridgeError, code="instance_unknown", status=404):
    """Lower case in the Chatwoot module (docs/contracts/ryzeapi.md, Not found)."""

    sentence = N_("instance not found")
    remedy = N_("Check the name of the instance, or create it first.")


class InstanceMissing(InstanceUnknown, code="instance_missing"):
    """The same fact in the instance module's spelling (docs/contracts/ryzeapi.md, Not found)."""

    sentence = N_("Instance not found")


class IntegrationMissing(BridgeError, code="integration_missing", status=404):
    sentence = N_("no chatwoot integration for this instance")
    remedy = N_("Activate the integration first.")


class NothingToDelete(IntegrationMissing, code="nothing_to_delete"):
    sentence = N_("no chatwoot integration to delete")


class InstanceExists(BridgeError, code="instance_exists", status=409):
    sentence = N_("Instance already exists")
    remedy = N_("Choose another name, or use the instance that is there.")


class TokenTaken(BridgeError, code="token_taken", status=409):
    sentence = N_("Instance token already in use")
    remedy = N_("Leave the token out and one is made for you.")


class ActivationRunning(BridgeError, code="activation_running", status=409, retryable=True):
    sentence = N_("another change of this integration is still running - try again in a minute")
    remedy = N_("Wait a minute and look at the status of the instance.")


class InvalidBody(BridgeError, code="invalid_body", status=400):
    """The caller's input; `problems` maps each field to the rule that it breaks, and is empty in
    one that was stored."""

    sentence = N_("invalid body: {problems}")
    remedy = N_("Correct the field that is named and send it again.")
    problems: Mapping[str, Problem] = MappingProxyType({})

    def __init__(self, problems: dict[str, Problem]) -> None:
        self.problems = problems
        text = "; ".join(f"{field} {rule}".lstrip() for field, rule in problems.items())
        super().__init__(field=next(iter(problems), None), problems=text)

    def renamed(self, names: Mapping[str, str]) -> "InvalidBody":
        """The same for a caller that names its fields differently."""
        return InvalidBody({names.get(field, field): rule for field, rule in self.problems.items()})


class MessageUnknown(BridgeError, code="message_unknown", status=404):
    sentence = N_("there is no message {id}")
    remedy = N_("Look it up by phone number, name, text or one of its ids.")


class MessageElsewhere(BridgeError, code="message_elsewhere", status=409):
    sentence = N_("message {id} is {state}: it cannot be changed that way")
    remedy = N_("Look at the message again; it may have gone on meanwhile.")


class NoWebhookAddress(BridgeError, code="no_webhook_address", status=409):
    sentence = N_("there is no address that Chatwoot could call")
    remedy = N_("Set BRIDGE_PUBLIC_URL and restart; until then Chatwoot is heard over its socket.")


class WebhookTaken(BridgeError, code="webhook_taken", status=409):
    sentence = N_("another program's webhook address stands in the inbox: {host}")
    remedy = N_(
        "Remove it in Chatwoot if nothing needs it; until then Chatwoot is heard over its socket."
    )


class WebhookRefused(BridgeError, code="webhook_refused", status=409):
    sentence = N_("Chatwoot {version} calls no private addresses, and {url} is one")
    remedy = N_(
        "Upgrade Chatwoot to 4.14.1 or later and set SAFE_FETCH_ALLOW_PRIVATE_NETWORK=true in it, "
        "or give the bridge a public BRIDGE_PUBLIC_URL; until then its socket is heard."
    )


# -- this machine ----------------------------------------------------------------------------------


class PersistFailed(BridgeError, code="persist_failed", status=500):
    sentence = N_("chatwoot integration failed: persist integration: {cause}")
    remedy = N_(
        "The bridge could not write its database. Check the free space and the rights of the "
        "instance folder, then try again."
    )


class StorageFailed(BridgeError, code="storage_failed", status=500):
    sentence = N_("the database of the bridge could not be written: {cause}")
    remedy = N_("Check the free space and the rights of the instance folder, then try again.")


class TokenUnreadable(BridgeError, code="token_unreadable", status=500):
    sentence = N_("the stored token cannot be opened: it was changed or moved in the database")
    remedy = N_("Activate the integration again with its Chatwoot token.")


class StartupError(BridgeError, code="startup"):
    """The service must not start; the message is one clear line for the operator."""

    sentence = N_("{reason}")


# -- Chatwoot (docs/contracts/ryzeapi.md, Chatwoot module; docs/contracts/chatwoot.md, Answers) ----


class ChatwootNotFound(BridgeError, code="chatwoot_not_found", status=400):
    sentence = N_(
        "Chatwoot account or endpoint not found - verify chatwootBaseUrl ({base_url}) "
        "and chatwootAccountId ({account_id})"
    )
    without_account = N_(
        "Chatwoot account or endpoint not found - verify chatwootBaseUrl ({base_url})"
    )
    remedy = N_(
        "Open Chatwoot in the browser and copy the address up to /app; "
        "the number after /accounts/ in it is the account id."
    )


class ChatwootRedirects(ChatwootNotFound, code="chatwoot_redirects"):
    remedy = N_("Use the address that Chatwoot redirects to: {location}")


class NotChatwoot(ChatwootNotFound, code="not_chatwoot"):
    remedy = N_(
        "What answers at this address is not Chatwoot's API. Copy the address of your Chatwoot "
        "from the browser, up to /app, and check that a proxy does not answer in its place."
    )


class ChatwootTooOld(BridgeError, code="chatwoot_too_old", status=400):
    sentence = N_("Chatwoot {version} is too old: the bridge works with {oldest} and later")
    remedy = N_(
        "Update Chatwoot. Older ones do not keep the ids by which messages are found again, so "
        "that some would arrive twice."
    )


class FrontAnswers(ChatwootNotFound, code="front_answers"):
    remedy = N_(
        "Something in front of Chatwoot answered in its place: a proxy, a firewall or a challenge "
        "page. Have it let the bridge through to /api, or use the address that leads to Chatwoot."
    )


class AccountUnknown(ChatwootNotFound, code="account_unknown", holds=True):
    remedy = N_(
        "Chatwoot is there, but has no account {account_id}. "
        "The number after /accounts/ in Chatwoot's address is the account id."
    )


class ChatwootRejects(BridgeError, code="chatwoot_rejects", status=400, final=True):
    sentence = N_(
        "Chatwoot rejected the request as invalid - verify inboxName and the limits of the account"
    )
    remedy = N_("Read what Chatwoot says in the detail, change that value and try again.")


class InboxLimit(ChatwootRejects, code="inbox_limit"):
    remedy = N_("This Chatwoot account may have no more inboxes: remove one or raise the plan.")


class TokenRejected(BridgeError, code="token_rejected", status=401, holds=True):
    sentence = N_("Chatwoot rejected the API token - verify chatwootApiToken")
    remedy = N_("In Chatwoot open Profile Settings, Access Token, and copy the token again.")


class AccessDenied(BridgeError, code="access_denied", status=403, holds=True):
    sentence = N_(
        "Chatwoot denied the request - verify the API token has admin scope on account {account_id}"
    )
    without_account = N_("Chatwoot denied the request - verify the API token has admin scope")
    remedy = N_("Use the token of an administrator of this account.")


class NotMember(AccessDenied, code="not_member"):
    remedy = N_(
        "The token is good, but its owner does not belong to account {account_id}. Choose an "
        "account that the owner administers, or use the token of an administrator of this one."
    )


class NotAdministrator(AccessDenied, code="not_administrator"):
    remedy = N_(
        "The owner of this token is an agent. Use the token of an administrator, "
        "or have this user made one in Chatwoot under Settings, Agents."
    )


class AccountSuspended(AccessDenied, code="account_suspended"):
    remedy = N_("Account {account_id} is suspended in Chatwoot: have it restored, then try again.")


class BotToken(AccessDenied, code="bot_token"):
    remedy = N_(
        "This token belongs to a bot or a platform app. Use the access token of a person who "
        "administers the account: Profile Settings, Access Token."
    )


class FrontDenies(AccessDenied, code="front_denies", holds=False):
    # only Chatwoot's own words may stop an integration
    remedy = FrontAnswers.remedy


class ApiNotEnabled(AccessDenied, code="api_not_enabled"):
    remedy = N_(
        "The plan of this Chatwoot account has no API access. Have it enabled, "
        "or use an account that has it."
    )


class TokenNotReceived(AccessDenied, code="token_not_received"):
    remedy = N_(
        "Chatwoot did not see the token at all: a proxy in front of it removes the header. "
        "Let the proxy pass `api-access-token`."
    )


class ChatwootUnreachable(BridgeError, code="chatwoot_unreachable", status=502, retryable=True):
    """No verdict of Chatwoot's: it did not answer, or not about what was asked.

    `uncertain`: Chatwoot may have acted upon the request all the same. `runs_on_since`: it may even
    act upon it still; when the request began, in seconds of the monotonic clock, 0 if it cannot
    (docs/contracts/chatwoot.md, Answers).
    """

    uncertain = False
    runs_on_since = 0.0
    sentence = N_(
        "Chatwoot is unreachable at {base_url} - verify chatwootBaseUrl "
        "and that the host is reachable from the server"
    )
    remedy = N_(
        "Check the address for typing errors and that Chatwoot is running; "
        "from the machine of the bridge, try to open it with curl."
    )


class ChatwootFailing(ChatwootUnreachable, code="chatwoot_failing"):
    remedy = N_(
        "Chatwoot is there but answers with an error of its own. Look at its log, "
        "wait until it is well and try again."
    )


class FrontFails(ChatwootUnreachable, code="front_fails"):
    remedy = N_(
        "Something in front of Chatwoot answered in its place, such as a proxy that does not reach "
        "it. Check that Chatwoot is running, and what the proxy's log says."
    )


class SomethingInFront(ChatwootUnreachable, code="something_in_front"):
    """Not Chatwoot's own words: HTML, plain text, a redirect, foreign or broken JSON."""

    sentence = N_("something in front of Chatwoot answered at {base_url}")
    remedy = N_(
        "A proxy, a firewall or a challenge page answered in Chatwoot's place. The message is "
        "tried again; if it stays, have the bridge let through to /api."
    )


class ChatwootThrottles(ChatwootUnreachable, code="chatwoot_throttles"):
    remedy = N_("Chatwoot limits how often it may be asked. Wait a minute and try again.")


class InboxGone(BridgeError, code="inbox_gone", status=400, holds=True):
    sentence = N_("inbox {inbox_id} no longer exists in Chatwoot account {account_id}")
    remedy = N_("Activate the integration again: a new inbox is made.")


class AddressBlocked(ChatwootUnreachable, code="address_blocked", retryable=False):
    remedy = N_(
        "This bridge may not call private addresses (BRIDGE_BLOCK_PRIVATE_ADDRESSES=true). "
        "Use a public address, or have the setting changed."
    )
