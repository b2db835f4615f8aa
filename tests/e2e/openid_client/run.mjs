// openid-client as a relying party of ours: reads one JSON object, does one job, writes JSON lines.
// OPENID_CLIENT is the address of the library, since it is not installed beside this file.
const client = await import(process.env.OPENID_CLIENT);
const asked = JSON.parse(process.argv[2]);

const say = (object) => console.log(JSON.stringify(object));

async function privateKey() {
  const { d, ...rest } = asked.jwk;
  const key = await crypto.subtle.importKey(
    "jwk", { ...rest, d }, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"],
  );
  return { key, kid: asked.jwk.kid };
}

async function configuration() {
  const key = asked.jwk && (await privateKey());
  const authentication = key
    ? client.PrivateKeyJwt(key)
    : client.ClientSecretBasic(asked.client_secret);
  const config = await client.discovery(
    new URL(asked.issuer), asked.client_id, asked.metadata ?? {}, authentication,
    { execute: [client.allowInsecureRequests] },
  );
  client.enableNonRepudiationChecks(config);
  return { config, key };
}

async function begin() {
  const { config, key } = await configuration();
  const verifier = client.randomPKCECodeVerifier();
  const checks = { state: client.randomState(), nonce: client.randomNonce() };
  const parameters = {
    redirect_uri: asked.redirect_uri,
    scope: "openid",
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...checks,
    ...asked.parameters,
  };
  const url = asked.way === "jar"
    ? await client.buildAuthorizationUrlWithJAR(config, parameters, key)
    : await client.buildAuthorizationUrlWithPAR(config, parameters);
  say({ url, verifier, ...checks });
}

async function finish() {
  const { config } = await configuration();
  const tokens = await client.authorizationCodeGrant(config, new URL(asked.callback), {
    pkceCodeVerifier: asked.verifier,
    expectedState: asked.state,
    expectedNonce: asked.nonce,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  const seen = await client.tokenIntrospection(config, tokens.access_token);
  say({ claims, userinfo: told, active: seen.active });
}

async function ciba() {
  const { config } = await configuration();
  const answer = await client.initiateBackchannelAuthentication(config, {
    scope: "openid",
    ...asked.parameters,
  });
  say(answer);
  const tokens = await client.pollBackchannelAuthenticationGrant(config, answer);
  say({ claims: tokens.claims() });
}

async function credentials() {
  const { config } = await configuration();
  const tokens = await client.clientCredentialsGrant(config, { scope: asked.scope });
  say({ scope: tokens.scope, expires_in: tokens.expires_in });
}

try {
  await { begin, finish, ciba, credentials }[asked.job]();
} catch (fault) {
  say({ fault: fault.message, code: fault.code, error: fault.error ?? fault.cause?.error });
  process.exitCode = 1;
}
