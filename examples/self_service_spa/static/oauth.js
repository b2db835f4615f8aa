// The token: by authorization code with PKCE. It lives in this module's memory and nowhere else,
// so that closing the tab ends it and no other script of this origin finds it later.

const SCOPE = "mfa:self";
const STARTED = "sign-in"; // what a return has to match: one use, no secret once it came back

let token = null;

export const signedIn = () => token !== null;
export const bearer = () => `Bearer ${token}`;
export const forget = () => (token = null);

export class SignInFailed extends Error {}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

// Sends the browser to the authorization server. The verifier has to survive the way there and
// back; it is worth nothing without the code, and the code is worth nothing without it.
export async function begin(config) {
  const started = { state: random(), verifier: random() };
  sessionStorage.setItem(STARTED, JSON.stringify(started));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(started.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: config.redirect_uri,
    scope: SCOPE,
    state: started.state,
    code_challenge: base64url(digest),
    code_challenge_method: "S256",
  });
  location.assign(`${config.authorize}?${query}`);
}

// Takes what the address brought, if anything, and cleans the address before anything else happens.
export async function finish(config) {
  const brought = Object.fromEntries(new URLSearchParams(location.search));
  const started = JSON.parse(sessionStorage.getItem(STARTED));
  sessionStorage.removeItem(STARTED);
  history.replaceState(null, "", location.pathname);
  if (!("state" in brought)) return;
  if (brought.state !== started?.state || brought.iss !== config.issuer) {
    throw new SignInFailed("This sign-in was not begun here. Please start again.");
  }
  if (brought.error) throw new SignInFailed("You were not signed in.");
  await fetchToken(config, {
    grant_type: "authorization_code",
    code: brought.code,
    redirect_uri: config.redirect_uri,
    code_verifier: started.verifier,
  });
}

// The other mode: this page sees the password. See the README before you switch it on.
export async function byPassword(config, username, password) {
  await fetchToken(config, { grant_type: "password", username, password, scope: SCOPE });
}

async function fetchToken(config, form) {
  const response = await fetch(config.token, {
    method: "POST",
    body: new URLSearchParams({ client_id: config.client_id, ...form }),
    credentials: "omit",
  });
  if (response.status === 429) throw new SignInFailed("Too many tries. Wait ten minutes.");
  const answer = await response.json();
  if (!response.ok) {
    const typed = form.grant_type === "password" && answer.error === "invalid_grant";
    throw new SignInFailed(typed ? "The name or the password is not right." : "You were not signed in.");
  }
  token = answer.access_token;
}
