// Activates Chatwoot for the instance "suporte". TOKEN: account token, or the instance's own.
const response = await fetch("http://127.0.0.1:8080/api/chatwoot/set/suporte", {
  method: "POST",
  headers: { token: process.env.TOKEN, "Content-Type": "application/json" },
  body: JSON.stringify({
    chatwootBaseUrl: "http://127.0.0.1:8090",
    chatwootAccountId: 1,
    chatwootApiToken: "sandbox-admin-token",
    inboxName: "WhatsApp - Suporte",
    signMessages: true,
    ignoreGroups: false,
    startAsPending: false,
    reopenResolved: true,
  }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.error.message);
console.log(JSON.stringify(answer));
