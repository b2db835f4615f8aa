// Goes on to where the link <a data-onward="seconds"> leads, unless the person wants to stay.

import "./times.js";

let going;

function begin() {
  const link = document.querySelector("a[data-onward]");
  if (!link) return;
  const seconds = Number(link.dataset.onward);
  if (seconds === 0) return location.replace(link.href);
  const words = document.querySelector("[data-stay]");
  words.hidden = false;
  words.querySelector("[data-stop]").addEventListener("click", () => {
    clearTimeout(going);
    words.hidden = true;
    link.focus();
  });
  going ??= setTimeout(() => location.replace(link.href), 1000 * seconds);
}

begin();
document.addEventListener("shown", begin);
