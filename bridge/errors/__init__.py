"""Everything that can go wrong and be told to a person; anything else is a bug and shows as 500.

A class says what the *reader* would do differently. `sentence` is the contract's English sentence
(ryzeapi.md sections 1.3, 1.4 and 2.1) and the pages' translation key; `remedy` is the next step.
"""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.errors.base import MAX_DETAIL as MAX_DETAIL
from bridge.errors.base import N_ as N_
from bridge.errors.base import BridgeError as BridgeError
from bridge.errors.base import Problem as Problem
from bridge.errors.stored import Told as Told
from bridge.errors.stored import dump as dump
from bridge.errors.stored import load as load

# -- our own doors (ryzeapi.md sections 1.3, 1.4 and 4) --------------------------------------------


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
    """Lower case in the Chatwoot module (ryzeapi.md section 1.4)."""

    code, status = "instance_unknown", 404
    sentence = N_("instance not found")
    remedy = N_("Check the name of the instance, or create it first.")


class InstanceMissing(InstanceUnknown):
    """The same fact in the instance module's spelling (ryzeapi.md section 1.4)."""

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


# -- Chatwoot (ryzeapi.md section 2.1; causes in chatwoot.md section 1) ----------------------------


class ChatwootNotFound(BridgeError):
    code, status = "chatwoot_not_found", 400
    sentence = N_(
        "Chatwoot account or endpoint not found - verify chatwootBaseUrl ({base_url}) "
        "and chatwootAccountId ({account_id})"
    )
    remedy = N_(
        "Open Chatwoot in the browser and copy the address up to /app; "
        "the number after /accounts/ in it is the account id."
    )


class ChatwootRedirects(ChatwootNotFound):
    code = "chatwoot_redirects"
    remedy = N_("Use the address that Chatwoot redirects to: {location}")


class NotChatwoot(ChatwootNotFound):
    code = "not_chatwoot"
    remedy = N_(
        "What answers at this address is not Chatwoot's API. Copy the address of your Chatwoot "
        "from the browser, up to /app, and check that a proxy does not answer in its place."
    )


class ChatwootTooOld(BridgeError):
    """Its version is below the lowest that the bridge works with (`bridge.chatwoot.versions`)."""

    code, status = "chatwoot_too_old", 400
    sentence = N_("Chatwoot {version} is too old: the bridge works with {oldest} and later")
    remedy = N_(
        "Update Chatwoot. Older ones do not keep the ids by which messages are found again, so "
        "that some would arrive twice."
    )


class AccountUnknown(ChatwootNotFound):
    code = "account_unknown"
    remedy = N_(
        "Chatwoot is there, but has no account {account_id}. "
        "The number after /accounts/ in Chatwoot's address is the account id."
    )


class ChatwootRejects(BridgeError):
    code, status = "chatwoot_rejects", 400
    sentence = N_(
        "Chatwoot rejected the request as invalid - verify inboxName and the limits of the account"
    )
    remedy = N_("Read what Chatwoot says in the detail, change that value and try again.")


class InboxLimit(ChatwootRejects):
    code = "inbox_limit"
    remedy = N_("This Chatwoot account may have no more inboxes: remove one or raise the plan.")


class TokenRejected(BridgeError):
    code, status = "token_rejected", 401
    sentence = N_("Chatwoot rejected the API token - verify chatwootApiToken")
    remedy = N_("In Chatwoot open Profile Settings, Access Token, and copy the token again.")


class AccessDenied(BridgeError):
    code, status = "access_denied", 403
    sentence = N_(
        "Chatwoot denied the request - verify the API token has admin scope on account {account_id}"
    )
    remedy = N_("Use the token of an administrator of this account.")


class NotMember(AccessDenied):
    code = "not_member"
    remedy = N_(
        "The token is good, but its owner does not belong to account {account_id}. Choose an "
        "account that the owner administers, or use the token of an administrator of this one."
    )


class NotAdministrator(AccessDenied):
    code = "not_administrator"
    remedy = N_(
        "The owner of this token is an agent. Use the token of an administrator, "
        "or have this user made one in Chatwoot under Settings, Agents."
    )


class AccountSuspended(AccessDenied):
    code = "account_suspended"
    remedy = N_("Account {account_id} is suspended in Chatwoot: have it restored, then try again.")


class BotToken(AccessDenied):
    code = "bot_token"
    remedy = N_(
        "This token belongs to a bot or a platform app. Use the access token of a person who "
        "administers the account: Profile Settings, Access Token."
    )


class TokenNotReceived(AccessDenied):
    code = "token_not_received"
    remedy = N_(
        "Chatwoot did not see the token at all: a proxy in front of it removes the header. "
        "Let the proxy pass `api-access-token`."
    )


class ChatwootUnreachable(BridgeError):
    """`uncertain`: Chatwoot may have acted upon the request all the same."""

    uncertain = False
    code, status, retryable = "chatwoot_unreachable", 502, True
    sentence = N_(
        "Chatwoot is unreachable at {base_url} - verify chatwootBaseUrl "
        "and that the host is reachable from the server"
    )
    remedy = N_(
        "Check the address for typing errors and that Chatwoot is running; "
        "from the machine of the bridge, try to open it with curl."
    )


class ChatwootFailing(ChatwootUnreachable):
    code = "chatwoot_failing"
    remedy = N_(
        "Chatwoot is there but answers with an error of its own. Look at its log, "
        "wait until it is well and try again."
    )


class ChatwootThrottles(ChatwootUnreachable):
    code = "chatwoot_throttles"
    remedy = N_("Chatwoot limits how often it may be asked. Wait a minute and try again.")


class InboxGone(BridgeError):
    code, status = "inbox_gone", 400
    sentence = N_("inbox {inbox_id} no longer exists in Chatwoot account {account_id}")
    remedy = N_("Activate the integration again: a new inbox is made.")


class AddressBlocked(ChatwootUnreachable):
    code = "address_blocked"
    retryable = False
    remedy = N_(
        "This bridge may not call private addresses (BRIDGE_BLOCK_PRIVATE_ADDRESSES=true). "
        "Use a public address, or have the setting changed."
    )


# -- the way of a message --------------------------------------------------------------------------


class GivenUp(BridgeError):
    """A message that was tried for long enough; `cause` is what the last try met."""

    code, status = "given_up", 502
    sentence = N_("given up after {hours} hours: {cause}")
    remedy = N_("Mend the cause, then replay the message.")

    def __init__(self, cause: BridgeError, *, hours: int) -> None:
        super().__init__(detail=cause.detail, hours=hours, cause=cause)

    @property
    def next_step(self) -> Problem:
        """That of the cause."""
        cause = self.values["cause"]
        return cause.next_step if isinstance(cause, BridgeError) else super().next_step


class NotYet(BridgeError):
    """Something that must come first has not; `retry_after_s` is when to look again."""

    code, status, retryable = "not_yet", 502, True
    sentence = N_("waiting for {what}")
    remedy = N_("Nothing to do: it goes on by itself.")

    def __init__(self, what: str, *, retry_after_s: float) -> None:
        """`what` is an English sentence of the catalogs."""
        super().__init__(what=Problem(what), retry_after_s=retry_after_s)


class NoEcho(BridgeError):
    """A send in doubt that the gateway would have told of by now."""

    code, status, retryable = "no_echo", 502, True
    sentence = N_("no echo came: it is sent again")
    remedy = N_("Nothing to do.")


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
