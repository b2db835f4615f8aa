// Counts down each <… data-left="seconds" data-text="… {time}">, by how long the page is open: the
// clock of this device may be wrong. Without this the page says until when it is valid.

const ends = new WeakMap();

const shown = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

function begin() {
  for (const element of document.querySelectorAll("[data-left]")) {
    ends.set(element, performance.now() + 1000 * Number(element.dataset.left));
    element.hidden = false;
    element.parentElement.querySelector("[data-until]").hidden = true;
  }
  count();
}

function count() {
  for (const element of document.querySelectorAll("[data-left]")) {
    const left = Math.max(0, Math.round((ends.get(element) - performance.now()) / 1000));
    element.textContent = element.dataset.text.replace("{time}", shown(left));
  }
}

begin();
document.addEventListener("shown", begin);
setInterval(count, 1000);
