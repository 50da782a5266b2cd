// Enhances pages that work without it: live checks, showing a secret, progress, updates.
"use strict";

document.documentElement.classList.add("js");

// -- errors: the summary is read first ---------------------------------------------------------

document.querySelector("[data-focus]")?.focus();

// -- secrets: shown on request, hidden again before they are sent ------------------------------

for (const button of document.querySelectorAll("[data-reveal]")) {
  const input = document.getElementById(button.dataset.reveal);
  const set = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
    button.setAttribute("aria-label", shown ? button.dataset.hideLabel : button.dataset.showLabel);
  };
  button.hidden = false;
  button.addEventListener("click", () => set(input.type === "password"));
  input.form.addEventListener("submit", () => set(false));
}

// -- forms: sent once --------------------------------------------------------------------------

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    // Not `disabled`: the button's own name and value must be sent, and focus must stay.
    for (const button of form.querySelectorAll("button:not([type=button])")) {
      button.setAttribute("aria-disabled", "true");
    }
  });
}

// A page that comes back from the browser's memory may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) {
    delete form.dataset.sent;
    form.querySelectorAll("[aria-disabled]").forEach((one) => one.removeAttribute("aria-disabled"));
  }
});

// -- live checks: the answer of the server below the field -------------------------------------

for (const input of document.querySelectorAll("[data-live]")) {
  const region = document.getElementById(input.dataset.live);
  const form = input.form;
  let asked = input.value;
  let running = null;
  const ask = async () => {
    const value = input.value.trim();
    // Nothing moves under the pointer of a reader who is about to send the form.
    if (!value || value === asked || form.dataset.sent || form.matches(":active")) return;
    asked = value;
    running?.abort();
    running = new AbortController();
    region.textContent = region.dataset.waiting;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Live-Check": "1" },
        redirect: "error",
        signal: running.signal,
      });
      region.innerHTML = answer.ok ? await answer.text() : "";
    } catch (error) {
      if (error.name !== "AbortError") region.textContent = "";
    }
  };
  input.addEventListener("change", () => setTimeout(ask, 100));
  input.addEventListener("paste", () => setTimeout(ask));
  form.addEventListener("submit", () => running?.abort());
}

// -- activation: the same form, watched while it runs ------------------------------------------

const activation = document.querySelector("form[data-activate]");

function showProgress(list, begun) {
  const last = begun.length - 1;
  for (const item of list.children) {
    const place = begun.indexOf(item.dataset.step);
    const state = place < 0 ? "" : place < last ? "done" : "now";
    if (item.dataset.state === state) continue;
    item.dataset.state = state;
    item.querySelector("span").textContent = state ? list.dataset[state] : "";
  }
}

activation?.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const section = document.getElementById("progress");
  const list = section.querySelector("ol");
  activation.hidden = true;
  section.hidden = false;
  section.querySelector("h2").focus();
  const watch = setInterval(async () => {
    const answer = await fetch(activation.dataset.activate).catch(() => null);
    if (answer?.ok && !answer.redirected) showProgress(list, (await answer.json()).steps);
  }, 400);
  try {
    const answer = await fetch(activation.action, {
      method: "POST",
      body: new FormData(activation),
      headers: { Accept: "application/json" },
    });
    const isAnswer = answer.headers.get("content-type")?.startsWith("application/json");
    location.assign(isAnswer ? (await answer.json()).location : answer.url);
  } catch {
    // The connection broke while it ran: the review shows the result.
    location.reload();
  } finally {
    clearInterval(watch);
  }
});

// -- updates: an open page stays current -------------------------------------------------------

const POLL_MS = 2_000;

// Makes `old` like `fresh` and touches only what differs: focus, selection and opened details stay.
function renew(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) return;
  // A form's token is as good as the next one.
  if (old.name === "csrf_token") return;
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    const isOurs = name === "open" || name === "aria-disabled" || name === "data-sent";
    if (!fresh.hasAttribute(name) && !isOurs) old.removeAttribute(name);
  }
  const before = [...old.childNodes];
  [...fresh.childNodes].forEach((one, place) => {
    if (place < before.length) renew(before[place], one);
    else old.append(one);
  });
  before.slice(fresh.childNodes.length).forEach((one) => one.remove());
}

function keepFresh(bar) {
  const button = bar.querySelector("button");
  let edition = `"${bar.dataset.edition}"`;
  let poll = null;
  let stopped = false;
  let asking = false;
  const ask = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) location.reload(); // signed out meanwhile
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const shown = page.querySelector("[data-live-bar]")?.dataset.edition;
    if (shown) edition = `"${shown}"`;
    for (const old of document.querySelectorAll("[data-fresh]")) {
      const fresh = page.getElementById(old.id);
      if (fresh && !stopped) renew(old, fresh);
    }
  };
  const look = async () => {
    if (asking || document.hidden || stopped) return;
    asking = true;
    try {
      const answer = await fetch(bar.dataset.liveBar, {
        headers: { "If-None-Match": edition },
        cache: "no-store",
      });
      if (answer.redirected) location.reload(); // signed out meanwhile
      else if (answer.ok) await ask(); // 304: nothing has changed
    } catch {
      // The bridge cannot be reached: the next turn asks again.
    } finally {
      asking = false;
    }
  };
  const set = () => {
    clearInterval(poll);
    poll = document.hidden || stopped ? null : setInterval(look, POLL_MS);
    look();
  };
  document.addEventListener("visibilitychange", set);
  window.addEventListener("pageshow", (event) => event.persisted && set());
  button.hidden = false;
  button.addEventListener("click", () => {
    stopped = !stopped;
    button.setAttribute("aria-pressed", String(stopped));
    set();
  });
  set();
}

document.querySelectorAll("[data-live-bar]").forEach(keepFresh);
