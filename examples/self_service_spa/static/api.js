// The step-up service's /v1/me, called with the person's own access token.

import { bearer, forget } from "./oauth.js";

let base = "";

export const use = (config) => (base = `${config.service}/v1/me`);

// A refusal (RFC 9457). `slug` is the last part of its type and says what happened.
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? "Something went wrong.");
    this.status = status;
    this.slug = String(body.type ?? "").split("/").pop();
    this.body = body;
  }
}

// Calls the service; a POST bears a key of its own, so that sending it again would do no harm.
export async function call(method, path, body, signal) {
  const headers = { Authorization: bearer() };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method === "POST") headers["Idempotency-Key"] = crypto.randomUUID();
  const response = await fetch(base + path, {
    method,
    headers,
    body: body && JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
    signal,
  });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (response.ok) return answer;
  if (response.status === 401) forget();
  throw new Problem(response.status, answer);
}

export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const remove = (path) => call("DELETE", path);
