// Tells the browser which passkeys of this person we accept, so that it offers no others
// (WebAuthn Level 3, 5.1.10).

const told = document.getElementById("signals")?.dataset.signals;

for (const [name, value] of Object.entries(JSON.parse(told ?? "{}"))) {
  await window.PublicKeyCredential?.[name]?.(value).catch(() => {});
}
