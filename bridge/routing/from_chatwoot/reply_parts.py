"""The WhatsApp messages that one reply becomes: its text and its files, each known by a key.

Chatwoot tells the files of a message in any order, and some later than others
(docs/contracts/chatwoot.md, Files).
"""

from bridge.chatwoot.events import AgentMessage, Attachment
from bridge.routing import jobs
from bridge.routing.jobs import PARTS, TEXT_PART, ReplyPart
from bridge.store import Database, entries
from bridge.store.journal import Journal, NewEntry, ReplyId


def of(db: Database, reply: ReplyId, chat_id: int, message: AgentMessage) -> list[NewEntry]:
    """One entry for each WhatsApp message that the reply becomes, and is not yet."""
    files = message.attachments[: PARTS - 2]
    known = _known_files(db, reply)
    fresh = [
        index
        for index, file in enumerate(files, 1)
        if not any(_is_same(file, other) for other in known or ())
    ]
    if known is not None and (
        len(files) - len(fresh) < len(known) or not fresh or not entries.take_back(db, reply)
    ):
        # Told once more, perhaps with files that were not there yet; its text is queued.
        parts = [ReplyPart(message, index) for index in fresh]
    else:
        captioned = bool(message.has_words and files and files[0].file_type != "audio")
        has_text = not captioned and (message.has_words or not files)
        parts = [ReplyPart(message, TEXT_PART)] if has_text else []
        parts += [
            ReplyPart(message, index, caption=captioned and index == 1)
            for index in range(1, len(files) + 1)
        ]
    return [jobs.reply_part(chat_id, part, reply.integration_id) for part in parts]


def _known_files(db: Database, reply: ReplyId) -> list[Attachment] | None:
    """The files of a message that are stored already; None where nothing of it is."""
    bodies = entries.bodies_of(db, reply)
    parts = [part for part in map(jobs.decode, bodies) if isinstance(part, ReplyPart)]
    return [part.attachment for part in parts if part.attachment] if bodies else None


def _is_same(file: Attachment, other: Attachment) -> bool:
    """Whether two tellings mean one file. Entries of older versions of us have no ids."""
    if file.id and other.id:
        return file.id == other.id
    return file.url == other.url or (file.file_name, file.size) == (other.file_name, other.size)


def are_known(reply: ReplyId, message: AgentMessage, journal: Journal) -> bool:
    """Whether all parts of a reply are stored: its text goes with the first file, or alone, and
    Chatwoot may tell of a file later than of its message."""
    files = range(1, len(message.attachments[: PARTS - 2]) + 1)
    place = reply.instance_id, reply.integration_id
    if not files:
        return journal.knows(*place, jobs.text_key(message.id)) or journal.knows_file(reply)
    return all(journal.knows(*place, ReplyPart(message, index).key) for index in files)
