// Signs the person in and shows what they have.

import * as api from "./api.js";
import * as config from "./config.js";
import { complain, id, say, show } from "./dom.js";
import { NAMES, add } from "./enroll.js";
import { render } from "./list.js";
import * as oauth from "./oauth.js";
import * as passkeys from "./passkeys.js";
import { Ended } from "./step_up.js";

const REFUSALS = {
  unauthenticated: "Your sign-in has ended. Please sign in again.",
  forbidden: "You may not do this here.",
  "binding-requires-step-up":
    "This needs a stronger proof than you gave or can give now. If you lost something, ask for help.",
  "acr-unattainable": "Nothing that you have can confirm this. Ask for help.",
  "authenticator-not-active": "This one cannot be brought back. Add it anew.",
  "enrollment-not-open": "This can no longer be added. Please start again.",
  "proof-rejected": "That was not accepted.",
};

let me = null;

async function refresh() {
  me = await api.get("");
  id("who").textContent = me.sub;
  render(me, act);
  await passkeys.tell(me.passkeys);
}

function showState() {
  const inside = oauth.signedIn();
  show(id("welcome"), !inside);
  show(id("account"), inside);
  show(id("sign-out"), inside);
  if (!inside) id("who").textContent = "";
}

// Runs what a button stands for, shows how it ended, and never runs it twice at once.
async function act(button, run) {
  button.disabled = true;
  try {
    const text = await run();
    await refresh();
    if (text) say(text);
  } catch (error) {
    tell(error);
  } finally {
    button.disabled = false;
    showState();
  }
}

function tell(error) {
  if (error instanceof Ended || error instanceof passkeys.Cancelled) return say(error.message);
  if (error instanceof api.Problem) return complain(REFUSALS[error.slug] ?? error.message);
  if (error instanceof oauth.SignInFailed) return complain(error.message);
  complain("This did not work. Check your connection and try again.");
}

function listen(settings) {
  id("sign-in").addEventListener("click", () => oauth.begin(settings).catch(tell));
  id("sign-out").addEventListener("click", () => {
    oauth.forget();
    id("authenticators").replaceChildren();
    say("You are signed out of this page.");
    showState();
  });
  id("password-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const [name, password] = [id("username").value, id("password").value];
    id("password").value = "";
    act(event.submitter, () => oauth.byPassword(settings, name, password));
  });
  for (const button of document.querySelectorAll("[data-add]")) {
    const type = button.dataset.add;
    show(button, type !== "webauthn" || passkeys.supported());
    button.addEventListener("click", () =>
      act(button, async () => {
        await add(me, type);
        return `${NAMES[type]} added.`;
      }),
    );
  }
}

async function start() {
  try {
    const settings = await config.load();
    api.use(settings);
    listen(settings);
    show(id("password-form"), settings.asks_for_passwords);
    await oauth.finish(settings);
    if (oauth.signedIn()) await refresh();
  } catch (error) {
    tell(error);
  }
  showState();
}

start();
