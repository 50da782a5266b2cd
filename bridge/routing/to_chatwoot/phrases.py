"""The few words that the bridge itself writes into conversations, in the language that is set."""

from bridge.config import languages
from bridge.domain.errors import N_, Problem

_PHRASES = {
    "unknown": N_("[{label} message: open WhatsApp on the phone to see it]"),
    "too_large": N_("[A file of the message is too large to be brought here: {name}, {size}]"),
    "file_gone": N_("[A file of the message could not be fetched: {name}]"),
    "file_empty": N_("[A file of the message is empty: {name}]"),
    "failed": N_("⚠️ This message did not reach the customer: {reason}"),
    "survey_without_link": N_(
        "[The survey left without its link: where customers reach this Chatwoot is not known. "
        "An administrator can set it in the bridge.]"
    ),
    "not_delivered": N_("WhatsApp could not deliver the message"),
    "edited": N_("✏️ Edited: {text}"),
    "unreacted": N_("The reaction was taken back"),
    "location": N_("📍 {name}"),
    "card": N_("👤 {name}"),
    "poll": N_("📊 {title}"),
    "forwarded": N_("↪️ Forwarded"),
    "vote": N_("📊 Voted: {options}"),
    "unvoted": N_("📊 The vote was taken back"),
    "missed_call": N_("📞 Missed call"),
    "missed_video_call": N_("📹 Missed video call"),
    "live_location": N_("📍 Live location: {name}"),
    "order": N_("🛒 Order: {details}"),
    "product": N_("🛍️ Product: {details}"),
    "invoice": N_("🧾 Payment: {details}"),
    "invitation": N_("✉️ Invitation: {details}"),
    "event": N_("📅 Event: {details}"),
    "items": N_("items: {count}"),
    "called_off": N_("called off"),
    "view_once": N_("[A view-once message: it can only be seen on the phone]"),
    "file_follows": N_("[A file of the message follows as soon as WhatsApp gives it: {name}]"),
    "deleted": N_("🗑️ The customer deleted this message"),
}


def phrase(language: str, key: str, **values: object) -> str:
    return languages.say(Problem(_PHRASES[key], **values), language)


def file_size(language: str, size: int) -> str:
    """A number of bytes as a person reads it."""
    kilobytes, megabytes = size / 1024, size / 1024**2
    if megabytes < 1:
        return f"{max(kilobytes, 1):.0f} kB"
    shown = f"{megabytes:.1f}".removesuffix(".0")
    return f"{shown if language == 'en' else shown.replace('.', ',')} MB"
