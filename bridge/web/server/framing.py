"""Where an HTTP/1.1 request ends in the bytes that have come (RFC 9112 section 6).

This decides only when a thread is worth its while. What a request means is decided by gunicorn's
parser, which reads the same bytes from the same place: where the two disagree, the parser meets the
end of the bytes and refuses the request.
"""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass

#: Longest head, in bytes; the parser's own limits on lines and fields are narrower.
MOST_HEAD = 64 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked")
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?")
_LONGEST_CHUNK_LINE = 4096


class Progress(enum.Enum):
    """What of a request has come. `WHOLE`: all of it. `REFUSABLE`: enough to know that it is
    refused (too large, malformed, broken off), and more is not to be read."""

    HEAD = enum.auto()
    BODY = enum.auto()
    WHOLE = enum.auto()
    REFUSABLE = enum.auto()


class _Malformed(Exception):
    pass


@dataclass(slots=True)
class Framing:
    """One request at the beginning of a buffer; `look` after each piece that was added to it.

    `most_bytes` says for a path how many bytes of body are worth reading. `end` is where the
    request ends once it is WHOLE, `head_end` where its body begins, `wants_continue` whether the
    client waits for "100 Continue" before it sends the body.
    """

    most_bytes: Callable[[str], int]
    end: int = 0
    head_end: int = 0
    wants_continue: bool = False
    _searched: int = 0
    _limit: int = 0
    _is_chunked: bool = False
    _chunk_at: int = 0

    def look(self, buffer: bytearray) -> Progress:
        """How far the request has come."""
        if not self.head_end:
            at = buffer.find(b"\r\n\r\n", max(self._searched - 3, 0), MOST_HEAD)
            if at < 0:
                self._searched = len(buffer)
                return Progress.REFUSABLE if len(buffer) >= MOST_HEAD else Progress.HEAD
            self._read_head(bytes(buffer[: at + 4]))
        if self._is_chunked:
            try:
                self._follow_chunks(buffer)
            except _Malformed:
                return Progress.REFUSABLE
        if (self.end or len(buffer)) - self.head_end > self._limit:
            return Progress.REFUSABLE
        return Progress.WHOLE if self.end and len(buffer) >= self.end else Progress.BODY

    def _read_head(self, head: bytes) -> None:
        self.head_end = self._chunk_at = len(head)
        folded = head.lower()
        self._is_chunked = _CHUNKED.search(folded) is not None
        if not self._is_chunked:
            length = _LENGTH.search(folded)
            self.end = self.head_end + (int(length[1]) if length else 0)
        self.wants_continue = _EXPECTS.search(folded) is not None
        words = head.split(b"\r\n", 1)[0].split(b" ")
        self._limit = self.most_bytes(words[1].decode("latin-1") if len(words) > 1 else "")

    def _follow_chunks(self, buffer: bytearray) -> None:
        """Moves from chunk to chunk (RFC 9112 section 7.1) as far as they have come."""
        while not self.end and self._chunk_at < len(buffer):
            line_end = buffer.find(b"\r\n", self._chunk_at)
            if line_end < 0:
                if len(buffer) - self._chunk_at > _LONGEST_CHUNK_LINE:
                    raise _Malformed
                return
            size = _CHUNK_SIZE.fullmatch(buffer, self._chunk_at, line_end)
            if size is None:
                raise _Malformed
            if int(size[1], 16):
                self._chunk_at = line_end + 2 + int(size[1], 16) + 2
                continue
            # After the last chunk: trailers, closed by an empty line.
            trailers_end = buffer.find(b"\r\n\r\n", line_end)
            if trailers_end < 0:
                if len(buffer) - line_end > MOST_HEAD:
                    raise _Malformed
                return
            self.end = trailers_end + 4
