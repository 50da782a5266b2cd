"""The marker that a send carries and its echo brings back: whose it is.

It names the installation and the instance, so that two of them on one number, or behind one
gateway, show each other's messages instead of taking them for their own.
"""

from bridge.routing.ids import SOURCE_PREFIX
from bridge.services import Services


def own(services: Services, instance_id: int) -> str:
    """What every marker of an instance begins with."""
    return f"{SOURCE_PREFIX}{services.installation_id}.{instance_id}:"
