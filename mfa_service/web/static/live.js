// Follows the state of <main data-state data-revision> and shows the page anew when it changes:
// one long poll, then the new <main>, with what was typed and the focus kept.

import { localise } from "./times.js";

const WAIT_SECONDS = 25;
const UNCHANGED_PAUSE = 2000;
const LONGEST_PAUSE = 30000;
const ANSWER_PATIENCE = 10000;

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// What a person sent by a form leads on by itself: a page that changes meanwhile would overtake it.
let sent = -Infinity;
const isOnItsWay = () => performance.now() - sent < ANSWER_PATIENCE;
document.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) sent = performance.now();
});

const followed = () => {
  const main = document.querySelector("main[data-state]");
  return main?.dataset.state ? main : null;
};

async function visible() {
  while (document.hidden) {
    await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
  }
}

async function ask({ state, revision }) {
  const query = new URLSearchParams({ wait: WAIT_SECONDS, known: revision });
  const response = await fetch(`${state}?${query}`, { headers: { Accept: "application/json" } });
  if (response.status === 404 || response.status === 410) return { revision: null };
  if (!response.ok) throw new Error(response.status);
  return response.json();
}

// XMLHttpRequest makes the document itself: no HTML ever passes through a string of ours.
function load(address) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.onload = () => (request.response ? done(request.response) : failed());
    request.onerror = failed;
    request.send();
  });
}

function keep(from, to) {
  for (const field of from.querySelectorAll("input[id], textarea[id]")) {
    const same = field.type !== "hidden" && to.querySelector(`#${CSS.escape(field.id)}`);
    if (!same) continue;
    same.value = field.value;
    if (field !== document.activeElement) continue;
    queueMicrotask(() => {
      same.focus();
      same.setSelectionRange?.(same.value.length, same.value.length);
    });
    return true;
  }
  return false;
}

export function announce(root) {
  const texts = [...root.querySelectorAll("[data-announce]")];
  const heard = texts.map((element) => element.dataset.announce || element.textContent.trim());
  document.getElementById("announcements").textContent = heard.join(" ");
}

let latest = 0;

export async function refresh() {
  const mine = ++latest;
  const page = await load(location.href);
  if (mine !== latest || isOnItsWay()) return; // one that began later shows the same or more
  const before = document.querySelector("main");
  const after = document.adoptNode(page.querySelector("main"));
  const within = before.contains(document.activeElement);
  const focused = keep(before, after);
  before.replaceWith(after);
  if (within && !focused) after.focus();
  document.title = page.title;
  localise(after);
  announce(after);
  document.dispatchEvent(new Event("shown"));
}

async function follow() {
  let pause = 0;
  for (let main = followed(); main; main = followed()) {
    await visible();
    const asked = performance.now();
    try {
      const told = await ask(main.dataset);
      const changed = told.revision !== main.dataset.revision;
      if (changed && main.isConnected) await refresh();
      const early = performance.now() - asked < UNCHANGED_PAUSE;
      pause = (!changed && early) || isOnItsWay() ? UNCHANGED_PAUSE : 0;
    } catch {
      pause = Math.min(LONGEST_PAUSE, Math.max(1000, 2 * pause));
    }
    await sleep(pause * (0.75 + Math.random() / 2));
  }
}

announce(document);
follow();
