"""Chatwoot's own sentences in the language of an account.

Only what Chatwoot wrote itself is translated; what Rails says about a model stays English in every
account (docs/contracts/chatwoot.md, Answers).
"""

_SENTENCES = {
    "en": {
        "message deleted": "This message was deleted",
        "no token": "You need to sign in or sign up before continuing.",
        "outsider": "You are not authorized to access this account",
        "request too long": "The request took too long to complete. Please try again.",
        "inbox deletion": "Your inbox deletion request will be processed in some time.",
        "invalid attribute": "Invalid attribute key - [{key}]. The key should be one of [{keys}] "
        "or a custom attribute defined in the account.",
        "resolved": "Conversation was marked resolved by {name}",
        "open": "Conversation was reopened by {name}",
        "pending": "Conversation was marked as pending by {name}",
        "snoozed": "Conversation was snoozed by {name}",
        "reopened": "System reopened the conversation due to a new incoming message.",
        "assigned": "Assigned to {agent} by {name}",
        "self-assigned": "{name} self-assigned this conversation",
        "unassigned": "Conversation unassigned by {name}",
        "priority set": "{name} set the priority to {priority}",
        "priority changed": "{name} changed the priority from {was} to {priority}",
        "priority removed": "{name} removed the priority",
        "labels added": "{name} added {labels}",
        "labels removed": "{name} removed {labels}",
        "muted": "{name} has muted the conversation",
        "unmuted": "{name} has unmuted the conversation",
        "survey": "Please rate the conversation",
        "survey link": "Please rate this conversation, {link}",
    },
    "pt_BR": {
        "message deleted": "Esta mensagem foi excluída",
        "no token": "Você precisa entrar ou se cadastrar antes de continuar.",
        "outsider": "Você não está autorizado a acessar esta conta",
        "request too long": "A solicitação demorou muito para ser concluída. Tente novamente.",
        "inbox deletion": "Seu pedido de exclusão da caixa de entrada será processado dentro de "
        "algum tempo.",
        "invalid attribute": "Chave de atributo inválido - [{key}]. A chave deve ser uma das "
        "[{keys}] ou um atributo personalizado definido na conta.",
        "resolved": "Conversa foi marcada como resolvida por {name}",
        "reopened": "O sistema reabriu a conversa devido a uma nova mensagem recebida.",
        "survey": "Por favor, classifique a conversa",
        "survey link": "Por favor, classifique esta conversa, {link}",
    },
    "es": {
        "no token": "Tienes que iniciar sesión o registrarte antes de continuar.",
        "message deleted": "Este mensaje se ha eliminado",
        "inbox deletion": "Su solicitud de eliminación de la bandeja de entrada será procesada en "
        "algún tiempo.",
        "invalid attribute": "Clave de atributo no válida - [{key}]. La clave debe ser una de "
        "[{keys}] o un atributo personalizado definido en la cuenta.",
        "resolved": "La conversación fue marcada por {name}",
        "reopened": "El sistema reabrió la conversación debido a un nuevo mensaje entrante.",
    },
}


def sentence(locale: str, key: str, /, **values: object) -> str:
    """The sentence `key` in a language; in English where the language has none of its own."""
    text = _SENTENCES.get(locale, {}).get(key) or _SENTENCES["en"][key]
    return text.format(**values)
