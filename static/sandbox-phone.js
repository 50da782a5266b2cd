// Saves reloads on the sandbox phone: live updates, sending without leaving, voice recording.
// Without this file every link and form still works.
"use strict";

const scroll = document.querySelector(".scroll[data-part]");
let pending = false;
let beat = document.body.dataset.beat;

const atEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;

function toEnd() {
  if (scroll.classList.contains("thread")) scroll.scrollTo({ top: scroll.scrollHeight, behavior: "instant" });
}

// Puts the fresh screen in place. Messages that did not change are left alone, so that an open
// menu stays open and a screen reader hears only what is new.
function renew(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-live]");
  const old = scroll.querySelector("[data-live]");
  if (!fresh || !old) return;
  const stay = !atEnd();
  const oldList = old.querySelector("ol");
  const freshList = fresh.querySelector("ol");
  if (!oldList || !freshList) {
    old.replaceWith(fresh);
    return;
  }
  const known = new Map([...oldList.children].map((item) => [item.id, item]));
  let changed = false;
  for (const item of [...freshList.children]) {
    const same = known.get(item.id);
    if (!same) oldList.append(item);
    else if (!same.isEqualNode(item) && !same.querySelector(".menu[open]")) same.replaceWith(item);
    else continue;
    changed = true;
  }
  const nothing = old.querySelector("#nothing");
  if (nothing && oldList.children.length) nothing.remove();
  old.querySelector(".doing")?.remove();
  const doing = fresh.querySelector(".doing");
  if (doing) {
    old.append(doing);
    setTimeout(refresh, 3000);
  }
  if (changed && !stay) toEnd();
}

async function refresh() {
  if (pending || !scroll) return;
  pending = true;
  try {
    const address = scroll.dataset.part + (document.hidden ? "&hidden=1" : "");
    const answer = await fetch(address, { credentials: "same-origin" });
    if (answer.ok) renew(await answer.text());
  } catch {
    // The sandbox is being restarted; the stream reconnects by itself and calls again.
  }
  pending = false;
}

if (scroll) {
  toEnd();
  const stream = new EventSource(document.body.dataset.stream + "?seen=" + beat);
  let soon = 0;
  stream.onmessage = (message) => {
    if (message.data === beat) return;
    beat = message.data;
    clearTimeout(soon);
    soon = setTimeout(refresh, 60);
  };
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  addEventListener("pagehide", () => stream.close());
}

// Sending a text: the field is emptied, the thread renewed, the focus stays.
const write = document.querySelector(".write");
if (write) {
  const text = write.querySelector("textarea");
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      write.requestSubmit();
    }
  });
  write.addEventListener("submit", async (event) => {
    if (write.elements.target || write.elements.quote) return; // a reply or an edit: reload is right
    event.preventDefault();
    if (!text.value.trim()) return text.focus();
    const body = new FormData(write);
    const typed = text.value;
    text.value = "";
    try {
      const answer = await fetch(write.action, { method: "POST", body, credentials: "same-origin" });
      if (!answer.ok) throw new Error(answer.status);
      await refresh();
      toEnd();
    } catch {
      text.value = typed;
      write.submit();
    }
    text.focus();
  });
  if (matchMedia("(hover: hover)").matches || text.autofocus) text.focus({ preventScroll: true });
}

// A choice that needs no button when there is a script.
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.submit());
}

// One open menu at a time, and in view; Escape closes it.
document.addEventListener("toggle", (event) => {
  const kind = [".menu[open]", ".attachments > details[open]"].find((each) => event.target.matches?.(each));
  if (!kind) return;
  for (const other of document.querySelectorAll(kind)) if (other !== event.target) other.open = false;
  event.target.scrollIntoView({ block: "nearest" });
}, true);
document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector(".menu[open], .attach[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
  }
});

// Recording a voice note, where the browser can.
const record = document.querySelector(".record");
if (record && navigator.mediaDevices && window.MediaRecorder) {
  const label = record.querySelector("span");
  let recorder = null;
  record.hidden = false;
  record.addEventListener("click", async () => {
    if (recorder) return recorder.stop();
    try {
      const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
      const wanted = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
      const parts = [];
      recorder = new MediaRecorder(microphone, { mimeType: wanted.find((type) => MediaRecorder.isTypeSupported(type)) });
      recorder.ondataavailable = (event) => parts.push(event.data);
      recorder.onstop = async () => {
        microphone.getTracks().forEach((track) => track.stop());
        const body = new FormData(record.form);
        body.set("kind", "voice");
        body.set("file", new File(parts, "voice", { type: recorder.mimeType.split(";")[0] }));
        recorder = null;
        record.setAttribute("aria-pressed", "false");
        label.textContent = "Record";
        await fetch(record.form.action, { method: "POST", body, credentials: "same-origin" });
        await refresh();
      };
      recorder.start();
      record.setAttribute("aria-pressed", "true");
      label.textContent = "Stop and send";
    } catch {
      recorder = null;
      label.textContent = "No microphone";
    }
  });
}
