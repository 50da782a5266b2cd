"""The log: one line per event on stderr, and the one place that keeps secrets out of it."""

import contextlib
import json
import logging
import re
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TextIO

MASK = "***"
#: Shorter values would mask ordinary words.
SHORTEST_SECRET = 8

#: The entry of the journal that this thread works on; 0 for none.
_about: ContextVar[int] = ContextVar("about", default=0)
_secrets: frozenset[str] = frozenset()

#: A name that announces a secret, whatever separates the two: header, JSON, query or Python repr.
_NAMED = re.compile(
    r"""(?ix)
    (?P<before>
      (?<! [a-z0-9_/-] )
      (?P<name> [a-z0-9_-]* (?: token | secret | password | passwd | api[_-]?key | authorization ))
      ["']? \s* (?P<sign> [:=] ) \s* (?P<quote> b? ["'] )?
      (?P<scheme> (?: bearer | basic | digest | token | negotiate ) \s+ )? )
    (?P<value> [^\s"'&,;<>)\]}]+ )
    """
)
#: A list of cookies (RFC 6265 section 4), as far as it goes and no further; or one odd value.
_COOKIES = re.compile(
    r"""(?ix)
    (?P<before> \b (?: set- )? cookie ["']? \s* : \s* (?: b? ["'] )? )
    (?P<value>
      [^\s;=,"']+ = (?: "[^"\s]*" | [^\s;,"']* )
      (?: ;\ ? [^\s;=,"']+ (?: = (?: "[^"\s]*" | [^\s;,"']* ) )? )*
    | [^\s;,"'}]+ )
    """
)
_BEARER = re.compile(r"(?i)(?P<before>\b(?:bearer|basic)\s+)(?P<value>[A-Za-z0-9._~+/=-]{6,})")
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^/\s?#\"'<>]{1,1024}@")
#: What is said about a secret instead of it, as in "token: expired".
_WORD = re.compile(r"[A-Za-z]?[a-z]+[.:!?]*")
_NOTHING = {"none", "null", "true", "false"}
#: What would end a line early or play with a terminal.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)} | {9: "\t", 10: "\\n", 13: "\\r"}


def register_secret(value: str) -> None:
    """Masks this value in whatever this process logs from now on."""
    global _secrets
    if len(value) >= SHORTEST_SECRET and value not in _secrets:
        # A new set, so that a thread that is masking meanwhile sees either, whole.
        _secrets = _secrets | {value}


def mask(text: str) -> str:
    """The text with every known secret, and whatever looks like a token, replaced by ***."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _COOKIES.sub(_unless_word, text)
    text = _NAMED.sub(_named, text)
    text = _BEARER.sub(_unless_word, text)
    return _USER_INFO.sub(rf"\g<1>{MASK}@", text)


def _named(match: re.Match[str]) -> str:
    """Between `name=`, quotes and compound names stands a value; after a plain word and a colon
    there may be a sentence as well."""
    name = match["name"]
    if match["value"].lower() in _NOTHING:
        return match[0]
    is_plain = name.isalpha() and name in {name.lower(), name.capitalize()}
    if is_plain and match["sign"] == ":" and not match["quote"]:
        return _unless_word(match)
    return match["before"] + MASK


def _unless_word(match: re.Match[str]) -> str:
    value = match["value"]
    is_word = len(value) < SHORTEST_SECRET and "=" not in value or _WORD.fullmatch(value)
    return match[0] if is_word else match["before"] + MASK


@contextlib.contextmanager
def about(entry_id: int) -> Iterator[None]:
    """Whatever this thread logs meanwhile carries the number of that entry."""
    token = _about.set(entry_id)
    try:
        yield
    finally:
        _about.reset(token)


class _Line(logging.Formatter):
    """Time in UTC, level, process, message; a traceback follows on lines of its own."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, process: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {process}: %(message)s")
        self.process = process

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_CONTROLS)
        if _about.get():
            record.message = f"[#{_about.get()}] {record.message}"
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))


class _Json(_Line):
    """One object per line, for programs; masked before it is packed, so that it stays JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "process": self.process,
            "logger": record.name,
            "message": mask(record.getMessage()),
        }
        if _about.get():
            line["entry"] = _about.get()
        if record.exc_info:
            line["traceback"] = mask(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def set_up(level: str, process: str, stream: TextIO | None = None, *, form: str = "text") -> None:
    """Logs to stderr, marked with the name of the process.

    `level` is one of debug, info, warning, error; `form` text or json. Libraries log warnings and
    errors.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json(process) if form == "json" else _Line(process))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("bridge").setLevel(level.upper())
