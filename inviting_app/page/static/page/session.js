/**
 * Who is signed in here, in all tabs alike.
 *
 * The access token is in this tab's memory alone. The refresh token is kept, so that a reload stays signed in; it is
 * good once, so one tab at a time swaps it.
 */

import { Problem, call, request as send } from "./api.js";
import { local } from "./store.js";

const KEPT = "session";
const KNOWN = "known";
const SEEN_BY_ALL = 100; // milliseconds

let access = null;

/** Dispatches `change` when somebody signs in, out, or is signed out; `detail` is the problem or word that says why. */
export const session = new EventTarget();

export function isSignedIn() {
  return kept() !== null;
}

/** The last digits of the number that this browser signed in with before, or "". */
export function knownDigits() {
  return local.getItem(KNOWN) ?? "";
}

export function signIn({ token, refresh, expires_in }, phone) {
  const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
  keep({ id, refresh });
  hold(id, token, expires_in);
  local.setItem(KNOWN, phone.replace(/\D/g, "").slice(-4));
  changed();
}

/** Without a connection too: then the session ends here, and on the server when it is not used any more. */
export async function signOut(why) {
  await locked(async () => {
    const { refresh } = kept() ?? {};
    forget(why);
    if (refresh) await call("POST", "/api/auth/logout", { body: { refresh } }).catch(() => {});
  });
}

/** All of this person's tokens are worthless now, and this device is not known any more. */
export function ended(why) {
  local.removeItem(KNOWN);
  forget(why);
}

/** @throws {Problem} */
export async function authorized(method, path, body) {
  return withToken((token) => call(method, path, { body, token }));
}

/** @throws {Problem} */
export async function download(path) {
  return withToken(async (token) => (await send("GET", path, { token })).blob());
}

async function withToken(act) {
  try {
    return await act(await token());
  } catch (problem) {
    if (problem.status !== 401 || !isSignedIn()) throw problem;
    access = null;
    return act(await token());
  }
}

async function token() {
  return held() ?? locked(async () => held() ?? refreshed());
}

async function refreshed() {
  const { id, refresh } = kept() ?? {};
  if (!id) throw new Problem("not_authenticated", { status: 401 });
  let pair;
  try {
    pair = await call("POST", "/api/auth/refresh", { body: { refresh } });
  } catch (problem) {
    if (problem.status === 401) forget(problem);
    throw problem;
  }
  keep({ id, refresh: pair.refresh });
  return hold(id, pair.token, pair.expires_in);
}

function held() {
  return access?.id === kept()?.id && Date.now() < access?.until ? access.token : null;
}

/** Not to the very end of its life: the way to the server takes a while too. */
function hold(id, token, seconds) {
  access = { id, token, until: Date.now() + (seconds - 15) * 1000 };
  return token;
}

function kept() {
  return JSON.parse(local.getItem(KEPT));
}

function keep(value) {
  local.setItem(KEPT, JSON.stringify(value));
}

function forget(why) {
  local.removeItem(KEPT);
  access = null;
  changed(why);
}

function changed(why) {
  session.dispatchEvent(new CustomEvent("change", { detail: why }));
}

/**
 * One tab at a time. The lock outlasts the deed by a moment, since other tabs see late what was kept. Browsers have locks
 * on secure origins only; elsewhere the ten seconds in which the service gives the same successor again must do.
 */
function locked(act) {
  if (!navigator.locks) return act();
  return new Promise((resolve, reject) => {
    navigator.locks.request(KEPT, async () => {
      await act().then(resolve, reject);
      await new Promise((seen) => setTimeout(seen, SEEN_BY_ALL));
    });
  });
}

addEventListener("storage", ({ key, oldValue, newValue }) => {
  if (key !== KEPT && key !== null) return;
  const [before, after] = [oldValue, newValue].map((value) => JSON.parse(value)?.id);
  if (before !== after || key === null) changed(after ? undefined : "signed_out_elsewhere");
});
