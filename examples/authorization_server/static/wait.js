// Waits for the answer: the server holds each request for some seconds, so this is no busy loop.
"use strict";

const address = document.getElementById("wait").dataset.state;
const attempts = document.getElementById("attempts");
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function look() {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error" });
  if (!answer.ok) {
    return true;
  }
  const state = await answer.json();
  attempts.textContent = state.attempts_left;
  return state.over;
}

async function follow() {
  for (;;) {
    try {
      if (await look()) {
        window.location.reload();
        return;
      }
      await pause(500);
    } catch {
      await pause(3000);
    }
  }
}

follow();
