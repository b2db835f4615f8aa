// Where everything is: the page's own settings, and the metadata of the authorization server.

async function json(address) {
  const response = await fetch(address, { credentials: "omit", cache: "no-cache" });
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

export async function load() {
  const config = await json("/config.json");
  const metadata = await json(`${config.issuer}/.well-known/openid-configuration`);
  if (metadata.issuer !== config.issuer) throw new Error("another issuer answered");
  return {
    ...config,
    authorize: metadata.authorization_endpoint,
    token: metadata.token_endpoint,
  };
}
