// The few things that every part does to the page. Text is only ever set as text.

export const id = (name) => document.getElementById(name);
export const show = (element, visible = true) => (element.hidden = !visible);

export function say(text) {
  id("notice").textContent = text;
  id("fault").textContent = "";
}

export function complain(text) {
  id("fault").textContent = text;
  id("notice").textContent = "";
}

export const picture = (svg) => `data:image/svg+xml,${encodeURIComponent(svg)}`;

export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const moment = (seconds) => (seconds === null ? "never" : format.format(seconds * 1000));
