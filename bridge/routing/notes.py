"""The few words that the bridge itself writes into conversations, in the language it was set to."""

_TEXTS = {
    "en": {
        "unknown": "[{label} message: open WhatsApp on the phone to see it]",
        "too_large": "[A file of the message is too large to be brought here: {name}]",
        "file_gone": "[A file of the message could not be fetched: {name}]",
        "not_delivered": "WhatsApp could not deliver the message",
        "edited": "✏️ Edited: {text}",
        "unreacted": "The reaction was taken back",
        "location": "📍 {name}",
        "card": "👤 {name}",
        "poll": "📊 {title}",
    },
    "pt_BR": {
        "unknown": "[Mensagem do tipo {label}: abra o WhatsApp no celular para ver]",
        "too_large": "[Um arquivo da mensagem é grande demais para chegar aqui: {name}]",
        "file_gone": "[Não foi possível buscar um arquivo da mensagem: {name}]",
        "not_delivered": "O WhatsApp não conseguiu entregar a mensagem",
        "edited": "✏️ Editada: {text}",
        "unreacted": "A reação foi retirada",
        "location": "📍 {name}",
        "card": "👤 {name}",
        "poll": "📊 {title}",
    },
    "es": {
        "unknown": "[Mensaje de tipo {label}: abre WhatsApp en el teléfono para verlo]",
        "too_large": "[Un archivo del mensaje es demasiado grande para traerlo aquí: {name}]",
        "file_gone": "[No se pudo obtener un archivo del mensaje: {name}]",
        "not_delivered": "WhatsApp no pudo entregar el mensaje",
        "edited": "✏️ Editado: {text}",
        "unreacted": "La reacción se retiró",
        "location": "📍 {name}",
        "card": "👤 {name}",
        "poll": "📊 {title}",
    },
}

#: The languages that BRIDGE_LANGUAGE may name.
LANGUAGES = tuple(_TEXTS)


def note(language: str, key: str, **values: object) -> str:
    """One of the sentences, filled in."""
    return _TEXTS[language][key].format(**values)
