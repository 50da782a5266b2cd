"""The few words that the bridge itself writes into conversations, in the language it was set to."""

_TEXTS = {
    "en": {
        "unknown": "[{label} message: open WhatsApp on the phone to see it]",
        "too_large": "[A file of the message is too large to be brought here: {name}, {size}]",
        "file_gone": "[A file of the message could not be fetched: {name}]",
        "file_empty": "[A file of the message is empty: {name}]",
        "failed": "⚠️ This message did not reach the customer: {reason}",
        "survey_without_link": "[The survey left without its link: where customers reach this "
        "Chatwoot is not known. An administrator can set it in the bridge.]",
        "not_delivered": "WhatsApp could not deliver the message",
        "edited": "✏️ Edited: {text}",
        "unreacted": "The reaction was taken back",
        "location": "📍 {name}",
        "card": "👤 {name}",
        "poll": "📊 {title}",
        "forwarded": "↪️ Forwarded",
        "vote": "📊 Voted: {options}",
        "unvoted": "📊 The vote was taken back",
        "missed_call": "📞 Missed call",
        "missed_video_call": "📹 Missed video call",
        "live_location": "📍 Live location: {name}",
        "order": "🛒 Order: {told}",
        "product": "🛍️ Product: {told}",
        "invoice": "🧾 Payment: {told}",
        "invitation": "✉️ Invitation: {told}",
        "event": "📅 Event: {told}",
        "items": "items: {count}",
        "called_off": "called off",
        "view_once": "[A view-once message: it can only be seen on the phone]",
        "file_follows": "[A file of the message follows as soon as WhatsApp gives it: {name}]",
        "deleted": "🗑️ The customer deleted this message",
    },
    "pt_BR": {
        "unknown": "[Mensagem do tipo {label}: abra o WhatsApp no celular para ver]",
        "too_large": "[Um arquivo da mensagem é grande demais para chegar aqui: {name}, {size}]",
        "file_gone": "[Não foi possível buscar um arquivo da mensagem: {name}]",
        "file_empty": "[Um arquivo da mensagem está vazio: {name}]",
        "failed": "⚠️ Esta mensagem não chegou ao cliente: {reason}",
        "survey_without_link": "[A pesquisa saiu sem o link: não se sabe onde os clientes "
        "alcançam este Chatwoot. Um administrador pode defini-lo na bridge.]",
        "not_delivered": "O WhatsApp não conseguiu entregar a mensagem",
        "edited": "✏️ Editada: {text}",
        "unreacted": "A reação foi retirada",
        "location": "📍 {name}",
        "card": "👤 {name}",
        "poll": "📊 {title}",
        "forwarded": "↪️ Encaminhada",
        "vote": "📊 Votou: {options}",
        "unvoted": "📊 O voto foi retirado",
        "missed_call": "📞 Chamada perdida",
        "missed_video_call": "📹 Chamada de vídeo perdida",
        "live_location": "📍 Localização em tempo real: {name}",
        "order": "🛒 Pedido: {told}",
        "product": "🛍️ Produto: {told}",
        "invoice": "🧾 Pagamento: {told}",
        "invitation": "✉️ Convite: {told}",
        "event": "📅 Evento: {told}",
        "items": "itens: {count}",
        "called_off": "cancelado",
        "view_once": "[Mensagem de visualização única: só pode ser vista no celular]",
        "file_follows": "[Um arquivo da mensagem chega assim que o WhatsApp o entregar: {name}]",
        "deleted": "🗑️ O cliente apagou esta mensagem",
    },
    "es": {
        "unknown": "[Mensaje de tipo {label}: abre WhatsApp en el teléfono para verlo]",
        "too_large": "[Un archivo del mensaje es muy grande para llegar aquí: {name}, {size}]",
        "file_gone": "[No se pudo obtener un archivo del mensaje: {name}]",
        "file_empty": "[Un archivo del mensaje está vacío: {name}]",
        "failed": "⚠️ Este mensaje no llegó al cliente: {reason}",
        "survey_without_link": "[La encuesta salió sin su enlace: no se sabe dónde llegan los "
        "clientes a este Chatwoot. Un administrador puede definirlo en el bridge.]",
        "not_delivered": "WhatsApp no pudo entregar el mensaje",
        "edited": "✏️ Editado: {text}",
        "unreacted": "La reacción se retiró",
        "location": "📍 {name}",
        "card": "👤 {name}",
        "poll": "📊 {title}",
        "forwarded": "↪️ Reenviado",
        "vote": "📊 Votó: {options}",
        "unvoted": "📊 El voto se retiró",
        "missed_call": "📞 Llamada perdida",
        "missed_video_call": "📹 Videollamada perdida",
        "live_location": "📍 Ubicación en tiempo real: {name}",
        "order": "🛒 Pedido: {told}",
        "product": "🛍️ Producto: {told}",
        "invoice": "🧾 Pago: {told}",
        "invitation": "✉️ Invitación: {told}",
        "event": "📅 Evento: {told}",
        "items": "artículos: {count}",
        "called_off": "cancelado",
        "view_once": "[Mensaje de una sola visualización: solo se puede ver en el teléfono]",
        "file_follows": "[Un archivo del mensaje llega en cuanto WhatsApp lo entregue: {name}]",
        "deleted": "🗑️ El cliente eliminó este mensaje",
    },
}

#: The languages that BRIDGE_LANGUAGE may name.
LANGUAGES = tuple(_TEXTS)


def phrase(language: str, key: str, **values: object) -> str:
    """One of the sentences, filled in."""
    return _TEXTS[language][key].format(**values)


def file_size(language: str, size: int) -> str:
    """A number of bytes as a person reads it."""
    kilobytes, megabytes = size / 1024, size / 1024**2
    if megabytes < 1:
        return f"{max(kilobytes, 1):.0f} kB"
    said = f"{megabytes:.1f}".removesuffix(".0")
    return f"{said if language == 'en' else said.replace('.', ',')} MB"
