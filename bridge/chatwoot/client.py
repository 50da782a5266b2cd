"""What routing asks of Chatwoot: contacts, conversations, messages and files of one inbox."""

from bridge.chatwoot.answers import InboxCalls
from bridge.chatwoot.contacts import Contacts
from bridge.chatwoot.conversations import Conversations
from bridge.chatwoot.files import Files
from bridge.chatwoot.messages import Messages
from bridge.chatwoot.transport import Transport


class Chatwoot:
    """Calls to one inbox over a transport that paces them.

    They raise ChatwootUnreachable and what derives from it, with `uncertain` where the request may
    have been acted upon; the classes of `bridge.chatwoot.refusals`; and what says that nothing will
    work until the operator acts: TokenRejected, AccessDenied, AccountUnknown, InboxGone.
    """

    def __init__(self, transport: Transport, inbox_id: int) -> None:
        calls = InboxCalls(transport, inbox_id)
        self.contacts = Contacts(calls)
        self.messages = Messages(calls)
        self.conversations = Conversations(calls, self.messages)
        self.files = Files(calls)
