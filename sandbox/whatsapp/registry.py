"""The dialects that are served: the one place here that knows gateways."""

from sandbox.gateways.ryzeapi.dialect import RyzeApi
from sandbox.whatsapp.dialect import Dialect

Dialects = tuple[type[Dialect], ...]
#: The first one has the instance that newcomers find; each further one has an instance as well.
DIALECTS: Dialects = (RyzeApi,)
