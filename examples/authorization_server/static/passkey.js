// Makes a passkey on this device, and sends it as the form's answer.
const form = document.getElementById("confirm");
const fault = document.getElementById("fault");

document.getElementById("create").addEventListener("click", async () => {
  fault.hidden = true;
  try {
    const options = JSON.parse(document.getElementById("options").textContent);
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const credential = await navigator.credentials.create({ publicKey });
    document.getElementById("credential").value = JSON.stringify(credential);
    form.submit();
  } catch {
    fault.hidden = false;
  }
});
