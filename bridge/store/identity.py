"""Who is who: which chat an address leads to."""

from collections.abc import Sequence

from sqlite_utils import Database


def resolve_chat(
    db: Database,
    instance_id: int,
    forms: Sequence[str],
    *,
    kind: str,
    address: str,
    name: str,
    last_in_id: str = "",
    last_in_sender: str = "",
) -> int:
    """The chat that any of the forms leads to; made, taught a new form, or two made one.

    When a LID and a phone JID turn out to be one person, the chat that was there first stays.
    """
    marks = ", ".join("?" * len(forms))
    known: dict[str, int] = dict(
        db.execute(
            f"select form, chat_id from alias where instance_id = ? and form in ({marks})",
            [instance_id, *forms],
        ).fetchall()
    )
    if known:
        chat_id, *others = sorted(set(known.values()))
        for other in others:
            _merge(db, chat_id, other)
        db.execute(
            "update chat set address = ?, name = iif(? <> '', ?, name), "
            "last_in_id = iif(? <> '', ?, last_in_id), "
            "last_in_sender = iif(? <> '', ?, last_in_sender) where id = ?",
            [
                *(address, name, name),
                *(last_in_id, last_in_id, last_in_id, last_in_sender),
                chat_id,
            ],
        )
    else:
        chat_id = db.execute(
            "insert into chat (instance_id, kind, address, name, last_in_id, last_in_sender) "
            "values (?, ?, ?, ?, ?, ?) returning id",
            [instance_id, kind, address, name, last_in_id, last_in_sender],
        ).fetchone()[0]
    for form in set(forms) - set(known):
        db.execute("insert into alias values (?, ?, ?)", [instance_id, form, chat_id])
    return chat_id


def chat_of(db: Database, instance_id: int, whatsapp_id: str, forms: Sequence[str]) -> int | None:
    """The chat of a message, or else of an address; None when neither is known."""
    marks = ", ".join("?" * len(forms))
    row = db.execute(
        "select chat_id from pair where instance_id = ? and whatsapp_id = ? union all "
        f"select chat_id from alias where instance_id = ? and form in ({marks}) limit 1",
        [instance_id, whatsapp_id, instance_id, *forms],
    ).fetchone()
    return int(row[0]) if row else None


def _merge(db: Database, kept: int, other: int) -> None:
    db.execute("update alias set chat_id = ? where chat_id = ?", [kept, other])
    db.execute("update journal set chat_id = ? where chat_id = ?", [kept, other])
    db.execute("update pair set chat_id = ? where chat_id = ?", [kept, other])
    db.execute(
        "update thread set chat_id = ? where chat_id = ? and not exists "
        "(select 1 from thread t where t.integration_id = thread.integration_id "
        "and t.chat_id = ?)",
        [kept, other, kept],
    )
