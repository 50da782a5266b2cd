"""A picture in the place of a QR code: the phone's page pairs with a button."""

import base64
import hashlib

from sandbox.whatsapp import media

_MODULES, _SCALE, _QUIET = 25, 8, 4


def data_url(text: str) -> str:
    """A PNG data URL that looks like a QR code and differs from text to text."""
    bits = hashlib.shake_256(text.encode()).digest(_MODULES * _MODULES)
    side = (_MODULES + 2 * _QUIET) * _SCALE
    lines = bytearray()
    for y in range(side):
        lines.append(0)
        row = bytearray(b"\xff" * side)
        for x in range(side):
            if _dark(x // _SCALE - _QUIET, y // _SCALE - _QUIET, bits):
                row[x] = 0
        lines += row

    png = media.png(side, side, bytes(lines), colour=0)
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _dark(x: int, y: int, bits: bytes) -> bool:
    if not (0 <= x < _MODULES and 0 <= y < _MODULES):
        return False
    for left, top in ((0, 0), (_MODULES - 7, 0), (0, _MODULES - 7)):
        dx, dy = x - left, y - top
        if -1 <= dx <= 7 and -1 <= dy <= 7:  # a finder pattern and its light border
            ring = max(abs(dx - 3), abs(dy - 3))
            return ring in (0, 1, 3)
    return bits[y * _MODULES + x] & 1 == 1
