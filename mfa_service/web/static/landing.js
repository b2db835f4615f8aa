// Shows the code of the address's fragment for typing. It never leaves this phone.

const given = new URLSearchParams(location.hash.slice(1)).get("c") ?? "";

if (/^[0-9A-HJKMNP-TV-Z]{26}$/.test(given)) {
  const code = document.querySelector("[data-code]");
  code.textContent = given.match(/.{1,4}/g).join("-");
  code.hidden = false;
  document.querySelector("[data-none]").hidden = true;
}
