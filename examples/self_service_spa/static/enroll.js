// Adding an authenticator: what is shown once, and the proof that it works.

import { Problem, get, post, remove } from "./api.js";
import { id, picture, show, sleep } from "./dom.js";
import * as passkeys from "./passkeys.js";
import { Ended, stepUp } from "./step_up.js";

export const NAMES = {
  phone: "Phone",
  webauthn: "Passkey",
  totp: "Authenticator app",
  recovery_codes: "Recovery codes",
};
const TITLES = {
  phone: "Add a phone",
  webauthn: "Add a passkey",
  totp: "Add an authenticator app",
  recovery_codes: "Your recovery codes",
};
const EVERY_TWO_SECONDS = 2000;

// Adds an authenticator of this type and returns once it works; throws `Ended` if it was given up.
export async function add(me, type) {
  const challenge_id = await stepUp(me, type, TITLES[type]);
  const enrollment = await post("/enrollments", { type, ...(challenge_id && { challenge_id }) });
  const dialog = id("enroll");
  const over = new AbortController();
  prepare(enrollment);
  try {
    await new Promise((done, failed) => {
      listen(enrollment, done, failed, over.signal);
      dialog.showModal();
      BEGIN[type](enrollment, done, failed, over.signal);
    });
  } finally {
    over.abort();
    dialog.close();
    wipe();
  }
}

function prepare({ type }) {
  id("enroll-title").textContent = TITLES[type];
  id("enroll-fault").textContent = "";
  id("enroll-wait").textContent = "";
  id("enroll-cancel").textContent = type === "phone" ? "Cancel, or: this is not my phone" : "Cancel";
  show(id("enroll-cancel"), type !== "recovery_codes");
  for (const part of document.querySelectorAll("#enroll [data-shows]")) {
    show(part, part.dataset.shows.split(" ").includes(type));
  }
}

const BEGIN = {
  phone(enrollment, _done, failed, signal) {
    showQr(enrollment.qr_svg, enrollment.uri, enrollment.manual_code);
    id("qr-text").textContent = "Scan this with the app on your phone.";
    id("confirm-label").textContent = "Check code that the phone shows";
    show(id("confirm-form"), false);
    id("enroll-wait").textContent = "Waiting for your phone …";
    followClaim(enrollment, failed, signal);
  },

  totp(enrollment) {
    const groups = enrollment.secret.match(/.{1,4}/g).join(" ");
    showQr(enrollment.qr_svg, enrollment.otpauth_uri, groups);
    id("qr-text").textContent = "Scan this with your authenticator app.";
    id("confirm-label").textContent = "Code that the app shows";
  },

  async webauthn(enrollment, done, failed) {
    id("enroll-wait").textContent = "Follow your browser …";
    try {
      const credential = await passkeys.create(enrollment);
      await post(`/enrollments/${enrollment.id}/confirm`, { credential });
      done();
    } catch (error) {
      remove(`/enrollments/${enrollment.id}`).catch(() => {});
      failed(error);
    }
  },

  recovery_codes({ codes }, _done, _failed, signal) {
    const text = `${codes.join("\n")}\n`;
    const file = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    signal.addEventListener("abort", () => URL.revokeObjectURL(file));
    id("download-codes").href = file;
    for (const code of codes) {
      id("codes").append(Object.assign(document.createElement("li"), { textContent: code }));
    }
    const on = (name, run) => id(name).addEventListener("click", run, { signal });
    on("copy-codes", () => navigator.clipboard.writeText(text));
    on("print-codes", () => print());
  },
};

function listen({ id: enrollmentId, type }, done, failed, signal) {
  const path = `/enrollments/${enrollmentId}`;
  const on = (name, event, run) => id(name).addEventListener(event, run, { signal });
  on("confirm-form", "submit", async (event) => {
    event.preventDefault();
    const code = id("confirm-code").value.replaceAll(" ", "");
    id("confirm-code").value = "";
    try {
      await post(`${path}/confirm`, type === "phone" ? { check_code: code } : { code });
      done();
    } catch (error) {
      if (error.slug !== "proof-rejected") return failed(error);
      id("enroll-fault").textContent = "That code is not right.";
    }
  });
  const cancel = (event) => {
    event.preventDefault();
    if (type === "recovery_codes") return done(); // they work already: there is nothing to cancel
    remove(path).catch(() => {});
    failed(new Ended("Nothing was added."));
  };
  on("codes-kept", "click", done);
  on("enroll-cancel", "click", cancel);
  on("enroll", "cancel", cancel);
}

async function followClaim(enrollment, failed, signal) {
  while (!signal.aborted) {
    await sleep(EVERY_TWO_SECONDS);
    try {
      const { state } = await get(`/enrollments/${enrollment.id}`, signal);
      if (state === "claimed") return showClaimed();
      if (state === "expired") return failed(new Ended("That took too long. Please try again."));
    } catch (error) {
      if (error instanceof Problem) return failed(error);
    }
  }
}

function showClaimed() {
  show(document.querySelector("#enroll section[data-shows~=phone]"), false);
  id("enroll-wait").textContent = "Your phone answered. Type the check code that it shows.";
  show(id("confirm-form"));
  id("confirm-code").focus();
}

function showQr(svg, link, manual) {
  id("qr").src = picture(svg);
  id("qr").alt = "QR code";
  id("qr-link").href = link;
  id("manual").textContent = manual;
}

// Leaves no secret behind in the page.
function wipe() {
  id("qr").removeAttribute("src");
  id("qr-link").removeAttribute("href");
  id("download-codes").removeAttribute("href");
  id("manual").textContent = "";
  id("codes").replaceChildren();
  id("confirm-code").value = "";
}
