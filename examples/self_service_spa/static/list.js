// The list of what the person has, and what can be done to each.

import { patch, remove } from "./api.js";
import { id, moment, show } from "./dom.js";
import { NAMES } from "./enroll.js";
import { Ended, stepUp } from "./step_up.js";

export function render(me, act) {
  const entries = me.authenticators.map((authenticator) => entry(authenticator, me, act));
  id("authenticators").replaceChildren(...entries);
  id("nothing").classList.toggle("over", entries.length > 0);
}

function entry(authenticator, me, act) {
  const item = id("authenticator").content.cloneNode(true).firstElementChild;
  const set = (name, text) => (item.querySelector(`.${name}`).textContent = text);
  const active = authenticator.state === "active";
  item.dataset.id = authenticator.id;
  item.dataset.type = authenticator.type;
  item.classList.toggle("suspended", !active);
  set("label", authenticator.label);
  set("kind", kind(authenticator));
  set("state", active ? "in use" : "suspended");
  set("used", moment(authenticator.last_used_at));
  for (const button of item.querySelectorAll("[data-action]")) {
    const name = button.dataset.action;
    show(button, name === "suspend" ? active : name === "resume" ? !active : true);
    button.setAttribute("aria-label", `${button.textContent}: ${authenticator.label}`);
    button.addEventListener("click", () => act(button, () => ACTIONS[name](authenticator, me)));
  }
  return item;
}

function kind({ type, codes_left, backup_eligible }) {
  if (type === "recovery_codes") return `${NAMES[type]}, ${codes_left} left`;
  if (type === "webauthn") return `${NAMES[type]}, ${backup_eligible ? "synced" : "on one device"}`;
  return NAMES[type];
}

const path = ({ id: name }) => `/authenticators/${name}`;

const ACTIONS = {
  async rename(authenticator) {
    await patch(path(authenticator), { label: await newLabel(authenticator.label) });
    return "Renamed.";
  },

  async suspend(authenticator) {
    await patch(path(authenticator), { state: "suspended" });
    return `${authenticator.label} is suspended: it opens nothing until you use it again.`;
  },

  async resume(authenticator, me) {
    const challenge_id = await stepUp(me, authenticator.type, `Use ${authenticator.label} again`);
    await patch(path(authenticator), { state: "active", challenge_id });
    return `${authenticator.label} is in use again.`;
  },

  async remove(authenticator, me) {
    const challenge_id = await stepUp(me, authenticator.type, `Remove ${authenticator.label}`);
    await remove(`${path(authenticator)}?${new URLSearchParams({ challenge_id })}`);
    return `${authenticator.label} was removed.`;
  },
};

function newLabel(label) {
  const dialog = id("rename");
  const over = new AbortController();
  id("new-label").value = label;
  return new Promise((done, failed) => {
    const on = (name, event, run) =>
      id(name).addEventListener(event, (happened) => (happened.preventDefault(), run()), {
        signal: over.signal,
      });
    const cancel = () => failed(new Ended("Nothing was changed."));
    on("rename-form", "submit", () => done(id("new-label").value));
    on("rename-cancel", "click", cancel);
    on("rename", "cancel", cancel);
    dialog.showModal();
  }).finally(() => {
    over.abort();
    dialog.close();
  });
}
