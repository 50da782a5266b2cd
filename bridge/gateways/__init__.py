"""The WhatsApp shore: one file and one row here for each gateway."""

from bridge.gateways.base import Gateway
from bridge.gateways.ryzeapi import RyzeApi

#: By the `kind` that an instance names.
GATEWAYS: dict[str, type[Gateway]] = {"ryzeapi": RyzeApi}
