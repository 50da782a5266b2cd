// Keeps the agent page of the sandbox Chatwoot fresh, and sends without leaving the page.
// Everything here also works without it, by plain forms and links.
"use strict";

(() => {
  const thread = document.getElementById("scroll");
  let seen = document.body.dataset.pulse;

  const nearEnd = () => !thread || thread.scrollHeight - thread.scrollTop - thread.clientHeight < 120;
  const toEnd = () => { if (thread) thread.scrollTop = thread.scrollHeight; };

  const controls = (node) => [...node.querySelectorAll("a, button")];

  // Puts `fresh` where `old` was; the focus stays at the control in the same place.
  function swap(old, fresh) {
    const held = old.contains(document.activeElement) ? controls(old).indexOf(document.activeElement) : -1;
    old.replaceWith(fresh);
    if (held >= 0) (controls(fresh)[held] || controls(fresh)[0] || fresh).focus({ preventScroll: true });
  }

  // Changes only the children that differ, so that scrolling and a screen reader's place stay.
  function bring(old, fresh) {
    const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    const wanted = [...fresh.children];
    wanted.forEach((one, index) => {
      const there = old.children[index];
      const mine = one.id ? known.get(one.id) : there && !there.id ? there : null;
      let node = mine;
      if (!mine || mine.outerHTML !== one.outerHTML) {
        node = document.importNode(one, true);
        if (mine) swap(mine, node);
      }
      if (old.children[index] !== node) old.insertBefore(node, old.children[index] || null);
    });
    while (old.children.length > wanted.length) old.lastElementChild.remove();
  }

  async function refresh() {
    const answer = await fetch(location.href.split("#")[0], { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const stick = nearEnd();
    for (const old of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(old.id);
      if (fresh && fresh.outerHTML !== old.outerHTML) bring(old, fresh);
    }
    seen = page.body.dataset.pulse;
    document.title = page.title;
    if (stick) toEnd();
  }

  async function look() {
    try {
      if (document.visibilityState === "visible") {
        const answer = await fetch(document.body.dataset.pulseUrl);
        const now = String((await answer.json()).changes);
        if (now !== seen) await refresh();
      }
    } catch {
      // The sandbox is restarting; the next look will tell.
    }
    setTimeout(look, 1000);
  }

  async function send(form, button) {
    await fetch(form.action, { method: "POST", body: new FormData(form, button) });
    await refresh();
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.matches("[data-quiet]")) {
      event.preventDefault();
      await send(form, event.submitter);
    } else if (form.matches("[data-reply]")) {
      event.preventDefault();
      const button = form.querySelector("#send");
      const empty = !form.querySelector("#content").value.trim() && !form.querySelector("#attachments").value;
      if (button.disabled || empty) return;
      button.disabled = true;
      const sent = send(form, null);
      form.querySelector("#content").value = "";
      form.querySelector("#attachments").value = "";
      form.querySelector("#replying")?.remove();
      form.querySelector("#content").focus();
      await sent.finally(() => { button.disabled = false; });
      toEnd();
    }
  });

  const filters = document.querySelector(".filters");
  filters?.addEventListener("change", () => filters.requestSubmit());

  const box = document.querySelector("[data-reply]");
  if (box) {
    const content = box.querySelector("#content");
    box.querySelector(".keys").hidden = false;
    content.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        box.requestSubmit();
      }
    });
    let idle = 0;
    const typing = (on) => fetch(box.dataset.typing, {
      method: "POST",
      body: new URLSearchParams({
        typing_status: on ? "on" : "off", is_private: box.querySelector("#private").checked,
      }),
    }).catch(() => {});
    content.addEventListener("input", () => {
      if (!idle) typing(true);
      clearTimeout(idle);
      idle = setTimeout(() => { idle = 0; typing(false); }, 3000);
    });
  }

  document.querySelector("[role=alert]")?.focus();
  toEnd();
  setTimeout(look, 1000);
})();
