"""Files that phones do not play as they are, made into what they do, where ffmpeg is.

The form of what comes in is told to ffmpeg and not guessed by it, so that nobody's file makes it
read another one.
"""

import shutil
import subprocess
from pathlib import Path

from bridge.routing import filetypes

_SOUND_S = 60
_FILM_S = 120
#: How ffmpeg calls what is made into a film that phones play (MP4 with H.264 and AAC).
_FILMS = {
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/ogg": "ogg",
    "image/gif": "gif",
}
_TO_FILM = ["-map", "0:v:0", "-map", "0:a:0?", "-c:v", "libx264", "-preset", "veryfast"]
_TO_FILM += ["-pix_fmt", "yuv420p", "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2", "-c:a", "aac"]
_TO_FILM += ["-movflags", "+faststart", "-f", "mp4"]
_TO_VOICE = ["-vn", "-ac", "1", "-ar", "48000", "-c:a", "libopus", "-b:a", "32k"]


def is_possible() -> bool:
    return shutil.which("ffmpeg") is not None


def to_voice(path: Path, mime_type: str) -> Path | None:
    """A sound as a voice note, beside it; None where that cannot be."""
    if mime_type == filetypes.VOICE:
        return path
    return _made(path, path.with_suffix(".ogg"), [], _TO_VOICE, _SOUND_S)


def is_film(path: Path, mime_type: str) -> bool:
    """Whether it moves, and no phone plays it as it is. A GIF of one picture is a picture."""
    bare = filetypes.bare(mime_type)
    return bare in _FILMS and not (bare == "image/gif" and filetypes.is_still(path))


def to_film(path: Path, mime_type: str) -> Path | None:
    """A film that phones play, beside it; None where that cannot be."""
    form = ["-f", _FILMS[filetypes.bare(mime_type)]]
    return _made(path, path.with_suffix(".mp4"), form, _TO_FILM, _FILM_S)


def _made(path: Path, target: Path, form: list[str], how: list[str], seconds: int) -> Path | None:
    program = shutil.which("ffmpeg")
    if program is None:
        return None
    command = [program, "-nostdin", "-loglevel", "error", "-y", "-protocol_whitelist", "file"]
    command += [*form, "-i", str(path), *how, str(target)]
    try:
        subprocess.run(command, check=True, timeout=seconds, capture_output=True)  # noqa: S603
    except (subprocess.SubprocessError, OSError):
        return None
    return target if target.is_file() and target.stat().st_size else None
