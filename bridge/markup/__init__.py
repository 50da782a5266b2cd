"""WhatsApp's marks and Chatwoot's Markdown: pure text, both ways, total for every text.

Source: docs/contracts/chatwoot.md, Texts.
"""

from bridge.markup.liquid import protect_liquid
from bridge.markup.markdown import to_whatsapp
from bridge.markup.signature import plain, signature
from bridge.markup.whatsapp import literal, to_chatwoot

__all__ = ["literal", "plain", "protect_liquid", "signature", "to_chatwoot", "to_whatsapp"]
