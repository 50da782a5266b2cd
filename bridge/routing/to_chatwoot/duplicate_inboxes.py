"""Removes the inbox that nobody uses: Chatwoot made it after we had given up waiting, and the next
try had made another by then. Both carry the id of the integration; one of them is in use.
"""

import logging

from bridge.chatwoot.account import Account
from bridge.domain.errors import BridgeError
from bridge.net.deadline import Deadline
from bridge.routing.context import CALL_S, Context, account_of

log = logging.getLogger(__name__)

#: When it is looked for, in seconds after the integration was made: such answers come late.
LOOKS_S = (30.0, 300.0, 900.0)


def remove(context: Context) -> None:
    """Leaves the inbox in use as the only one of this integration. Raises BridgeErrors."""
    integration = context.integration
    account = account_of(integration, context.services, Deadline(CALL_S))
    ours = [inbox.id for inbox in account.inboxes() if inbox.marker == integration.id]
    remove_others(account, ours, integration.inbox_id)


def remove_others(account: Account, inbox_ids: list[int], own_id: int) -> None:
    """Removes all of these inboxes but one; a failure is only logged, there is another look."""
    for inbox_id in inbox_ids:
        if own_id in inbox_ids and inbox_id != own_id:
            try:
                account.delete_inbox(inbox_id)
            except BridgeError as error:
                log.warning(
                    "the duplicate inbox %s could not be removed: %s", inbox_id, error.message
                )
