// The step-up before a change: a challenge of this service for the person, answered in this page.

import { Problem, get, post, remove } from "./api.js";
import { id, show, sleep } from "./dom.js";
import * as passkeys from "./passkeys.js";

const LEVELS = ["0", "urn:stepup:acr:aal1", "urn:stepup:acr:aal2", "phr", "phrh", "urn:stepup:acr:aal3"];
const LEVEL_OF = {
  totp: "urn:stepup:acr:aal1",
  recovery_codes: "urn:stepup:acr:aal1",
  phone: "urn:stepup:acr:aal2",
  webauthn: "phr",
};
const ENDED = {
  denied: "The request was refused on your phone.",
  failed: "That was not enough, or wrong too often.",
  expired: "That took too long. Please try again.",
  cancelled: "Nothing was changed.",
};

export class Ended extends Error {}

// Returns the id of a satisfied challenge that permits a change of an authenticator of this type,
// or undefined where none is needed: the first authenticator needs no other. It asks for the level
// of what is changed, or for the best that the person can reach (contract section 5).
export async function stepUp(me, type, what) {
  if (me.authenticators.length === 0) return undefined;
  const rank = Math.min(LEVELS.indexOf(LEVEL_OF[type]), LEVELS.indexOf(me.acr_attainable));
  const opened = await post("/challenges", {
    purpose: "manage",
    acr_values: [LEVELS[rank]],
    binding_message: [...what].slice(0, 128).join(""),
    expires_in: 300,
  });
  id("step-up-what").textContent = what;
  return answered(opened);
}

async function answered(opened) {
  const dialog = id("step-up");
  const over = new AbortController();
  try {
    return await new Promise((resolve, reject) => {
      const path = `/challenges/${opened.id}`;
      const settle = (challenge) => {
        if (challenge.status === "satisfied") resolve(challenge.id);
        else if (challenge.status !== "pending") reject(new Ended(ENDED[challenge.status]));
        else render(challenge);
      };
      listen(path, opened, settle, reject, over.signal);
      settle(opened);
      dialog.showModal();
      follow(path, settle, over.signal);
    });
  } finally {
    over.abort();
    dialog.close();
  }
}

function render(challenge) {
  const offered = (method) => challenge.methods.filter((offer) => offer.method === method);
  const codes = [
    offered("totp").length && "the code from your authenticator app",
    offered("recovery_code").length && "a recovery code",
  ].filter(Boolean);
  id("code-label").textContent = `Type ${codes.join(" or ")}`;
  id("display-code").textContent = challenge.display_code ?? "";
  id("phones").textContent = offered("push").map((offer) => offer.label).join(" or ");
  show(id("by-phone"), offered("push").length > 0);
  show(id("code-form"), codes.length > 0);
  show(id("use-passkey"), offered("webauthn").length > 0 && passkeys.supported());
}

function listen(path, opened, settle, reject, signal) {
  const on = (name, event, run) => id(name).addEventListener(event, run, { signal });
  const attempt = (run) => async (event) => {
    event.preventDefault();
    id("step-up-fault").textContent = "";
    try {
      await run();
    } catch (error) {
      if (error.status === 401) return reject(error);
      complain(error);
    }
  };
  id("step-up-fault").textContent = "";
  id("code").value = "";
  on("code-form", "submit", attempt(async () => {
    const code = id("code").value.trim();
    id("code").value = "";
    settle(await post(`${path}/answers`, { method: methodOf(code, opened), code }));
  }));
  on("use-passkey", "click", attempt(async () => {
    const credential = await passkeys.use(await post(`${path}/webauthn`));
    settle(await post(`${path}/answers`, { method: "webauthn", credential }));
  }));
  on("push-again", "click", attempt(async () => settle(await post(`${path}/push`))));
  const cancel = (event) => {
    event.preventDefault();
    remove(path).catch(() => {}); // it expires by itself if this does not reach the service
    reject(new Ended(ENDED.cancelled));
  };
  on("step-up-cancel", "click", cancel);
  on("step-up", "cancel", cancel);
}

function methodOf(code, { methods }) {
  const offered = methods.map((offer) => offer.method);
  const looksLikeTotp = /^\d{6}$/.test(code.replaceAll(" ", ""));
  return offered.includes("totp") && (looksLikeTotp || !offered.includes("recovery_code"))
    ? "totp"
    : "recovery_code";
}

function complain(error) {
  const left = error.body?.attempts_left;
  const wrong = error instanceof Problem && error.slug === "proof-rejected";
  const text = wrong ? `That is not right. ${left} ${left === 1 ? "try" : "tries"} left.` : error.message;
  id("step-up-fault").textContent = text;
}

// Waits for what happens elsewhere: on the phone, or by time.
async function follow(path, settle, signal) {
  while (!signal.aborted) {
    const asked = performance.now();
    try {
      settle(await get(`${path}?wait=25`, signal));
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return;
    }
    if (performance.now() - asked < 2000) await sleep(2000);
  }
}
