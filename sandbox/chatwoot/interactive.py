"""What Chatwoot demands of the items of interactive messages (run 4.16.2)."""

from sandbox.chatwoot.answers import unprocessable
from sandbox.chatwoot.records import Json

_ITEM_KEYS = {
    "input_select": {"title", "value"},
    "cards": {"title", "description", "media_url", "actions"},
    "article": {"title", "description", "link"},
    "form": {
        *("type", "placeholder", "label", "name", "options", "default", "required", "pattern"),
        *("title", "pattern_error"),
    },
}
_ACTION_KEYS = {"text", "type", "payload", "uri"}


def problems(content_type: str, attributes: Json) -> list[str]:
    """The sentences of the refusal; refuses at once where Ruby itself fails."""
    if content_type not in _ITEM_KEYS:
        return []
    items = attributes.get("items")
    if items is None:
        raise unprocessable("undefined method `reject' for nil")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return ["Content attributes Items should be a hash."]
    found = [] if items else ["Content attributes At least one item is required."]
    found += _unknown("items : ", items, _ITEM_KEYS[content_type])
    if content_type == "cards":
        if not all(item.get("actions") for item in items):
            return [*found, "Content attributes contains items missing actions"]
        actions = [action for item in items for action in item["actions"]]
        found += _unknown("actions:  ", actions, _ACTION_KEYS)
    return found


def _unknown(where: str, items: list[Json], known: set[str]) -> list[str]:
    unknown = [f":{key}" for item in items for key in item if key not in known]
    keys = ", ".join(unknown)
    return [f"Content attributes contains invalid keys for {where}[{keys}]"] if unknown else []
