// Makes a passkey when the form is sent, and sends it along.
const form = document.getElementById("confirm");
const field = document.getElementById("credential");
const fault = document.getElementById("fault");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  fault.hidden = true;
  try {
    const options = JSON.parse(field.dataset.options);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const credential = await navigator.credentials.create({ publicKey });
    field.value = JSON.stringify(credential);
    form.submit();
  } catch {
    fault.hidden = false;
  }
});
