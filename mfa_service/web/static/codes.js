// Recovery codes to keep: as a text file made here, in the browser, or on paper.

const codes = [...document.querySelectorAll(".codes li")].map((line) => line.textContent);

const download = document.querySelector("[data-download]");
download?.addEventListener("click", () => {
  const title = document.querySelector(".sheet > p:not(.small)").textContent.trim();
  const text = `${title.replace(/\s+/g, " ")}\n\n${codes.join("\n")}\n`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = download.dataset.download;
  link.click();
  URL.revokeObjectURL(link.href);
});

const print = document.querySelector("[data-print]");
print?.addEventListener("click", () => window.print());

for (const button of [download, print]) if (button) button.hidden = false;
