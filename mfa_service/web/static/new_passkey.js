// Makes a passkey from the options of <form data-options>, and sends it with the form.

const form = document.querySelector("form[data-options]");
const usable = typeof window.PublicKeyCredential?.parseCreationOptionsFromJSON === "function";

function show(fault) {
  for (const element of form.querySelectorAll("[data-fault]")) {
    element.hidden = element.dataset.fault !== fault;
  }
}

async function make(button) {
  button.disabled = true;
  show(null);
  try {
    const json = JSON.parse(form.dataset.options);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
    const credential = await navigator.credentials.create({ publicKey });
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch (fault) {
    show(fault.name === "InvalidStateError" ? "known" : "cancelled");
    button.disabled = false;
  }
}

if (form) {
  const button = form.querySelector("[data-begin]");
  button.hidden = !usable;
  if (!usable) show("unsupported");
  button.addEventListener("click", () => make(button));
}
