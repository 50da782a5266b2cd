"""What can go wrong with Chatwoot.

Source: docs/contracts/ryzeapi.md, Chatwoot module; docs/contracts/chatwoot.md, Answers.
"""

from bridge.domain.errors.base import N_, BridgeError


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


class FrontAnswers(ChatwootNotFound):
    code = "front_answers"
    remedy = N_(
        "Something in front of Chatwoot answered in its place: a proxy, a firewall or a challenge "
        "page. Have it let the bridge through to /api, or use the address that leads to Chatwoot."
    )


class AccountUnknown(ChatwootNotFound):
    code = "account_unknown"
    holds = True
    remedy = N_(
        "Chatwoot is there, but has no account {account_id}. "
        "The number after /accounts/ in Chatwoot's address is the account id."
    )


class ChatwootRejects(BridgeError):
    code, status = "chatwoot_rejects", 400
    final = True
    sentence = N_(
        "Chatwoot rejected the request as invalid - verify inboxName and the limits of the account"
    )
    remedy = N_("Read what Chatwoot says in the detail, change that value and try again.")


class InboxLimit(ChatwootRejects):
    code = "inbox_limit"
    remedy = N_("This Chatwoot account may have no more inboxes: remove one or raise the plan.")


class TokenRejected(BridgeError):
    code, status = "token_rejected", 401
    holds = True
    sentence = N_("Chatwoot rejected the API token - verify chatwootApiToken")
    remedy = N_("In Chatwoot open Profile Settings, Access Token, and copy the token again.")


class AccessDenied(BridgeError):
    code, status = "access_denied", 403
    holds = True
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


class FrontDenies(AccessDenied):
    code = "front_denies"
    holds = False  # only Chatwoot's own words may stop an integration
    remedy = FrontAnswers.remedy


class ApiNotEnabled(AccessDenied):
    code = "api_not_enabled"
    remedy = N_(
        "The plan of this Chatwoot account has no API access. Have it enabled, "
        "or use an account that has it."
    )


class TokenNotReceived(AccessDenied):
    code = "token_not_received"
    remedy = N_(
        "Chatwoot did not see the token at all: a proxy in front of it removes the header. "
        "Let the proxy pass `api-access-token`."
    )


class ChatwootUnreachable(BridgeError):
    """No verdict of Chatwoot's: it did not answer, or not about what was asked.

    `uncertain`: Chatwoot may have acted upon the request all the same. `runs_on_since`: it may even
    act upon it still; when the request began, in seconds of the monotonic clock, 0 if it cannot
    (docs/contracts/chatwoot.md, Answers).
    """

    uncertain = False
    runs_on_since = 0.0
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
    """Chatwoot says, in its own words, that something failed inside it."""

    code = "chatwoot_failing"
    remedy = N_(
        "Chatwoot is there but answers with an error of its own. Look at its log, "
        "wait until it is well and try again."
    )


class FrontFails(ChatwootUnreachable):
    code = "front_fails"
    remedy = N_(
        "Something in front of Chatwoot answered in its place, such as a proxy that does not reach "
        "it. Check that Chatwoot is running, and what the proxy's log says."
    )


class SomethingInFront(ChatwootUnreachable):
    """Not Chatwoot's own words: HTML, plain text, a redirect, foreign or broken JSON."""

    code = "something_in_front"
    sentence = N_("something in front of Chatwoot answered at {base_url}")
    remedy = N_(
        "A proxy, a firewall or a challenge page answered in Chatwoot's place. The message is "
        "tried again; if it stays, have the bridge let through to /api."
    )


class ChatwootThrottles(ChatwootUnreachable):
    code = "chatwoot_throttles"
    remedy = N_("Chatwoot limits how often it may be asked. Wait a minute and try again.")


class InboxGone(BridgeError):
    code, status = "inbox_gone", 400
    holds = True
    sentence = N_("inbox {inbox_id} no longer exists in Chatwoot account {account_id}")
    remedy = N_("Activate the integration again: a new inbox is made.")


class AddressBlocked(ChatwootUnreachable):
    code = "address_blocked"
    retryable = False
    remedy = N_(
        "This bridge may not call private addresses (BRIDGE_BLOCK_PRIVATE_ADDRESSES=true). "
        "Use a public address, or have the setting changed."
    )
