"""WhatsApp gateways: one folder and one row here for each, and what they share beside the folders.

The folders are alike inside:

    gateway   the class that `base.Gateway` describes
    calls     HTTP, and what each failure of it means
    parse     events as neutral messages, receipts and connections
    content   what a message says
    sending   a reply as the gateway's request

Shared: `base` (what a gateway offers), `failures` (its errors), `repetitions` (keys of events),
`fields` (JSON from outside), `context_info`, `rich_content`, `fallback_text` and `vcards` (what
WhatsApp itself puts into messages), `media` and `base64_files`, `jids` and `numbers`.
"""

from bridge.gateways.base import Gateway
from bridge.gateways.ryzeapi.gateway import RyzeApi

#: By the `kind` that an instance names, which is the name of the folder.
GATEWAYS: dict[str, type[Gateway]] = {"ryzeapi": RyzeApi}
