"""Fetches the file of a message where that is the same for every gateway: bytes that came with the
event, and an address that needs nothing else. Each file is a new private one in a folder."""

import shutil
from pathlib import Path

from bridge.domain.messages import Media
from bridge.gateways.base import GatewayError, GatewayUnavailable
from bridge.gateways.base64_files import new_file
from bridge.gateways.failures import Failures
from bridge.net.deadline import Deadline
from bridge.net.http import AnswerTooLarge, CallFailed, Http


def spooled(media: Media, folder: Path, *, limit: int, failures: Failures) -> Path | None:
    """The bytes that came with the event, None where there are none. Raises MediaTooLarge."""
    source = Path(media.spooled)
    if not media.spooled or not source.is_file():
        return None
    if source.stat().st_size > limit:
        raise failures.too_large(limit)
    if source.parent == folder:
        return source
    path = new_file(folder)
    shutil.copyfile(source, path)
    return path


def download(
    http: Http, url: str, folder: Path, *, limit: int, failures: Failures, deadline: Deadline
) -> Path:
    """What is at that address, called without any right of ours. Raises MediaTooLarge and
    GatewayUnavailable."""
    path = new_file(folder)
    try:
        answer = http.call("GET", url, deadline=deadline, max_bytes=limit, save_to=path)
        if answer.status == 200 and path.stat().st_size:
            return path
        error: GatewayError = failures.of(GatewayUnavailable, f"HTTP {answer.status}")
    except AnswerTooLarge:
        error = failures.too_large(limit)
    except CallFailed as failure:
        error = failures.of(GatewayUnavailable, failure.cause)
    path.unlink(missing_ok=True)
    raise error
