"""Activates Chatwoot for the instance "suporte". TOKEN: account token, or the instance's own."""

import os

import requests

response = requests.post(
    "http://127.0.0.1:8080/api/chatwoot/set/suporte",
    headers={"token": os.environ["TOKEN"]},
    json={
        "chatwootBaseUrl": "http://127.0.0.1:8090",
        "chatwootAccountId": 1,
        "chatwootApiToken": "sandbox-admin-token",
        "inboxName": "WhatsApp - Suporte",
        "signMessages": True,
        "ignoreGroups": False,
        "startAsPending": False,
        "reopenResolved": True,
    },
    timeout=65,
)
if not response.ok:
    raise SystemExit(response.json()["error"]["message"])
print(response.text)
