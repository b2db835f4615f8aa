// The browser's passkey ceremonies, in the JSON forms of WebAuthn Level 3.

export class Cancelled extends Error {}

export const supported = () =>
  typeof window.PublicKeyCredential?.parseCreationOptionsFromJSON === "function";

export const create = ({ publicKey }) =>
  ceremony(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey),
    }),
  );

export const use = ({ publicKey }) =>
  ceremony(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey),
    }),
  );

async function ceremony(run) {
  try {
    return (await run()).toJSON();
  } catch (error) {
    const known = error.name === "InvalidStateError";
    throw new Cancelled(known ? "This device has a passkey for you already." : "No passkey was used.");
  }
}

// Lets the browser forget passkeys that were removed here (WebAuthn Level 3 §5.1.10).
export async function tell(accepted) {
  if (accepted) await PublicKeyCredential.signalAllAcceptedCredentials?.(accepted).catch(() => {});
}
