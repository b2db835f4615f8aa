// The passkey ceremony of <… data-passkey="address" data-csrf="token">, begun by its button.

import { refresh } from "./live.js";

const usable = () => typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

function show(section, fault) {
  for (const element of section.querySelectorAll("[data-fault]")) {
    element.hidden = element.dataset.fault !== fault;
  }
}

async function send(section, path, body) {
  const headers = { Accept: "application/json", "X-CSRF-Token": section.dataset.csrf };
  if (body) headers["Content-Type"] = "application/json";
  const address = section.dataset.passkey + path;
  return fetch(address, { method: "POST", headers, body: body && JSON.stringify(body) });
}

async function ask(publicKey) {
  const options = PublicKeyCredential.parseRequestOptionsFromJSON(publicKey);
  try {
    return await navigator.credentials.get({ publicKey: options });
  } catch {
    return null; // the person closed it, or has no such passkey here: the browser does not say
  }
}

// Lets the browser forget what we do not know, and keep what we do (WebAuthn Level 3, 5.1.10).
async function tell(signals = {}) {
  for (const [name, value] of Object.entries(signals)) {
    await PublicKeyCredential[name]?.(value).catch(() => {});
  }
}

async function perform(section) {
  show(section, null);
  const given = await send(section, "");
  if (!given.ok) return refresh();
  const credential = await ask((await given.json()).publicKey);
  if (!credential) return show(section, "cancelled");
  const judged = await send(section, "/answer", { credential: credential.toJSON() });
  const { signals } = await judged.json();
  await tell(signals);
  if (judged.status === 403) history.replaceState(null, "", "?method=webauthn&said=wrong");
  return refresh();
}

function begin() {
  for (const section of document.querySelectorAll("[data-passkey]")) {
    const button = section.querySelector("[data-begin]");
    button.hidden = !usable();
    if (!usable()) show(section, "unsupported");
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await perform(section);
      } catch {
        show(section, "cancelled");
      } finally {
        button.disabled = false;
      }
    });
  }
}

begin();
document.addEventListener("shown", begin);
