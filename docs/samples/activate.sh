#!/bin/sh
# Activates Chatwoot for the instance "suporte". TOKEN: account token, or the instance's own.
curl --silent --show-error --fail-with-body \
  --request POST "http://127.0.0.1:8080/api/chatwoot/set/suporte" \
  --header "token: $TOKEN" \
  --header "Content-Type: application/json" \
  --data '{
    "chatwootBaseUrl": "http://127.0.0.1:8090",
    "chatwootAccountId": 1,
    "chatwootApiToken": "sandbox-admin-token",
    "inboxName": "WhatsApp - Suporte",
    "signMessages": true,
    "ignoreGroups": false,
    "startAsPending": false,
    "reopenResolved": true
  }'
