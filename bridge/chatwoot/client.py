"""What routing asks of Chatwoot: contacts, conversations, messages and files of one inbox."""

from collections.abc import Callable

from bridge.chatwoot.answers import InboxCalls
from bridge.chatwoot.contacts import Contacts
from bridge.chatwoot.conversations import Conversations
from bridge.chatwoot.files import Files
from bridge.chatwoot.messages import Messages
from bridge.chatwoot.transport import Timekeeper, Transport
from bridge.net.deadline import Deadline
from bridge.net.http import Http


class Chatwoot:
    """Calls to one inbox with one token, under one deadline.

    They raise ChatwootUnreachable and what derives from it, with `uncertain` where the request may
    have been acted upon; the classes of `bridge.chatwoot.refusals`; and what says that nothing will
    work until the operator acts: TokenRejected, AccessDenied, AccountUnknown, InboxGone.
    """

    def __init__(
        self,
        http: Http,
        base_url: str,
        *,
        clocks: Timekeeper,
        deadline: Deadline,
        token: str,
        account_id: int,
        inbox_id: int,
        wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`wait` returns when the base URL may be called again (docs/contracts/chatwoot.md,
        Limits). A throttled Chatwoot is not waited for: the router has other lanes."""
        transport = Transport(
            http,
            base_url,
            clocks=clocks,
            deadline=deadline,
            token=token,
            account_id=account_id,
            wait=wait,
        )
        calls = InboxCalls(transport, inbox_id)
        self.contacts = Contacts(calls)
        self.messages = Messages(calls)
        self.conversations = Conversations(calls, self.messages)
        self.files = Files(calls)
