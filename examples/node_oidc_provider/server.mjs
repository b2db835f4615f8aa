// node oidc-provider as authorization server; the second factor is this service's, by OpenID Connect.
// What belongs into a server of yours: stepUp, beginStepUp, finishStepUp. The rest stands for what you have.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";

import Provider from "oidc-provider";
import * as client from "openid-client";

const { PORT, MFA_ISSUER, MFA_CLIENT_ID, MFA_CLIENT_SECRET } = process.env;
const own = `http://localhost:${PORT}`;
const onLoopback = MFA_ISSUER.startsWith("http://");
const stepUp = await client.discovery(
  new URL(MFA_ISSUER), MFA_CLIENT_ID, {}, client.ClientSecretBasic(MFA_CLIENT_SECRET),
  { execute: onLoopback ? [client.allowInsecureRequests] : [] },
);
const begun = new Map(); // what a browser has to bring back, by state; keep yours where all processes find it

async function beginStepUp(interaction, accountId) {
  const verifier = client.randomPKCECodeVerifier();
  const kept = { uid: interaction.uid, accountId, verifier, nonce: client.randomNonce() };
  const state = client.randomState();
  begun.set(state, kept);
  return client.buildAuthorizationUrlWithPAR(stepUp, {
    redirect_uri: `${own}/step-up`,
    scope: "openid",
    login_hint: accountId,
    acr_values: interaction.params.acr_values ?? "urn:stepup:acr:aal2",
    prior: JSON.stringify({ amr: ["pwd"], auth_time: Math.floor(Date.now() / 1000) }),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce: kept.nonce,
  });
}

async function finishStepUp(url, kept) {
  const tokens = await client.authorizationCodeGrant(stepUp, url, {
    pkceCodeVerifier: kept.verifier,
    expectedNonce: kept.nonce,
    expectedState: url.searchParams.get("state"),
    idTokenExpected: true,
  });
  const { sub, acr, amr, auth_time } = tokens.claims();
  if (sub !== kept.accountId) throw new Error("the step-up is somebody else's");
  return { login: { accountId: sub, acr, amr, ts: auth_time } };
}

const provider = new Provider(own, {
  clients: [{ client_id: "shop", client_secret: "secret-of-the-shop", redirect_uris: ["https://shop.example/callback"] }],
  acrValues: ["urn:stepup:acr:aal1", "urn:stepup:acr:aal2", "urn:stepup:acr:phr"],
  claims: { openid: ["sub"], acr: null, amr: null, auth_time: null },
  conformIdTokenClaims: false,
  cookies: { keys: [randomBytes(32).toString("hex")] },
  features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
  findAccount: async (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
    grant.addOIDCScope("openid");
    await grant.save();
    return grant;
  },
});

async function formOf(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return new URLSearchParams(body);
}

const LOGIN = `<!doctype html><title>Sign in</title><form method="post"><label>Name <input name="name"></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button></form>`;

async function interact(request, response, url) {
  if (url.pathname === "/step-up") {
    const kept = begun.get(url.searchParams.get("state"));
    if (!kept) throw new Error("this browser began nothing");
    response.writeHead(303, { location: `/interaction/${kept.uid}/step-up${url.search}` }).end();
    return;
  }
  const interaction = await provider.interactionDetails(request, response); // its cookie proves the browser
  if (url.pathname.endsWith("/step-up")) {
    const state = url.searchParams.get("state");
    const kept = begun.get(state);
    if (kept?.uid !== interaction.uid) throw new Error("another browser began this");
    begun.delete(state);
    const result = url.searchParams.has("error")
      ? { error: "access_denied", error_description: url.searchParams.get("error") }
      : await finishStepUp(new URL(`/step-up${url.search}`, own), kept);
    await provider.interactionFinished(request, response, result);
  } else if (request.method === "POST") {
    const name = (await formOf(request)).get("name"); // check the password here
    response.writeHead(303, { location: (await beginStepUp(interaction, name)).href }).end();
  } else {
    response.writeHead(200, { "content-type": "text/html" }).end(LOGIN);
  }
}

const answer = provider.callback();
createServer((request, response) => {
  const url = new URL(request.url, own);
  if (!/^\/(interaction|step-up)(\/|$)/.test(url.pathname)) return answer(request, response);
  return interact(request, response, url).catch((fault) => {
    console.error(fault.message);
    response.writeHead(400, { "content-type": "text/plain" }).end("This sign-in cannot go on. Start again.\n");
  });
}).listen(PORT, "localhost", () => console.log(`listening on ${own}`));
