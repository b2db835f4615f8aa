// Copies what is in [data-copied] by the button [data-copy] beside it, and says so on the button.

function begin() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const source = button.closest("section").querySelector("[data-copied]");
    if (!source?.textContent.trim() || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const lines = [...source.querySelectorAll("li")].map((line) => line.textContent);
      await navigator.clipboard.writeText(lines.join("\n") || source.textContent);
      button.textContent = button.dataset.done;
      document.getElementById("announcements").textContent = button.dataset.done;
    });
  }
}

begin();
document.addEventListener("shown", begin);
