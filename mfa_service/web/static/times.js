// Shows each <time data-shown> in the reader's own language and zone; without this it is in UTC.

const SHAPES = {
  moment: { dateStyle: "medium", timeStyle: "short" },
  day: { dateStyle: "long" },
  clock: { timeStyle: "medium" },
};

export function localise(root) {
  for (const element of root.querySelectorAll("time[data-shown]")) {
    const shape = SHAPES[element.dataset.shown];
    const format = new Intl.DateTimeFormat(document.documentElement.lang, shape);
    element.textContent = format.format(new Date(element.dateTime));
  }
}

localise(document);
