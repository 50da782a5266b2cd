"""What Chatwoot answers to routing's calls, told apart by what the router must do next."""

from bridge.domain.errors import N_, BridgeError, ChatwootFailing, ChatwootThrottles


class ConversationGone(BridgeError, code="conversation_gone", status=404):
    sentence = N_("the conversation no longer exists in Chatwoot")
    remedy = N_("Nothing to do: a new conversation is opened.")


class ContactGone(BridgeError, code="contact_gone", status=404):
    sentence = N_("the contact no longer exists in Chatwoot")
    remedy = N_("Nothing to do: the contact is looked up or made again.")


class MessageGone(BridgeError, code="message_gone", status=404, final=True):
    sentence = N_("the message no longer exists in Chatwoot")
    remedy = N_("Nothing to do.")


class SourceTaken(BridgeError, code="source_taken", status=422):
    """The source_id belongs to another contact in this inbox: find it by contact_inboxes/filter."""

    sentence = N_("another contact of the inbox has this WhatsApp number already")
    remedy = N_("Nothing to do: that contact is used.")


class PhoneTaken(BridgeError, code="phone_taken", status=422):
    sentence = N_("another contact of the account has this phone number or identifier already")
    remedy = N_("Nothing to do: that contact is used.")


class RecordGoing(ChatwootFailing, code="record_going"):
    """The contact or the conversation is just being deleted: for a second Chatwoot stumbles over
    what is left of it, and may store the message all the same."""

    remedy = N_("Nothing to do: the message is tried again in a moment.")


class ConversationFlooded(ChatwootThrottles, code="conversation_flooded"):
    remedy = N_(
        "Chatwoot takes 200 messages a minute in one conversation; the rest follow in the next "
        "minutes."
    )


class FileTooLarge(BridgeError, code="file_too_large", status=413, final=True):
    sentence = N_("the file is too large")
    remedy = N_("Raise the limit of the proxy in front of Chatwoot, or send a smaller file.")


class FileNotThere(BridgeError, code="file_not_there", status=502, retryable=True):
    """404 for an attachment: Chatwoot announces files before they are stored, or it is deleted."""

    sentence = N_("the attachment is not there")
    remedy = N_("Chatwoot may still be storing it. Ask for it again in a moment.")


class FileRefused(BridgeError, code="file_refused", status=400, final=True):
    sentence = N_("the address of the attachment is not allowed")
    remedy = N_("Only Chatwoot itself and public addresses are asked for attachments.")


class FileEmpty(FileRefused, code="file_empty", status=422):
    """There is a file, and nothing in it: WhatsApp takes none, and nobody could open it."""

    sentence = N_("the file is empty")
    remedy = N_("Choose the file once more: nothing of it has arrived.")


class ContactUnreachable(BridgeError, code="contact_unreachable", status=422):
    sentence = N_("the contact has no phone number, so WhatsApp cannot reach it")
    remedy = N_("Enter the number with its country code in the contact, then press Retry.")
