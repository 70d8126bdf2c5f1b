/**
 * The session, which all tabs share.
 *
 * Both tokens are stored. So a reload stays signed in, and one refresh serves all tabs: a second one at once would make
 * a late copy of the first look stolen. If the response is lost, the stored token works again, now or later.
 */

import { Problem, call, callAgain, request as send } from "./api.js";
import { local, tab } from "./store.js";

const KEPT = "session";
const KNOWN = "known";
const SEEN_BY_ALL = 100; // milliseconds
const LONGEST_GOODBYE = 5_000; // milliseconds

// The sign-in that this tab shows. Another tab may have stored the next user's a moment ago.
let shown = kept()?.id;

/** Dispatches `change` after each sign-in and sign-out. `detail` is the reason: a problem or the name of a text. */
export const session = new EventTarget();

export function isSignedIn() {
  return kept() !== null;
}

/** The last digits of the number of this browser's last sign-in, or "". */
export function knownDigits() {
  return local.getItem(KNOWN) ?? "";
}

export async function signIn(pair, phone) {
  const { refresh: before } = kept() ?? {};
  keep(crypto.getRandomValues(new Uint32Array(2)).join("-"), pair);
  knowPhone(phone);
  // The sign-in has ended the session before, unless this device was not known any more. If two tabs send the same code
  // at once, both get the same session.
  if (before && before !== pair.refresh) {
    await call("POST", "/api/auth/logout", { body: { refresh: before }, longest: LONGEST_GOODBYE }).catch(() => {});
  }
  changed();
}

/** Remembers the last digits of this number for the next sign-in. */
export function knowPhone(phone) {
  local.setItem(KNOWN, phone.replace(/\D/g, "").slice(-4));
}

/**
 * For what needs a recent sign-in. It leads back to the same view, because the address stays the same. Who changes their
 * mind stays signed in: a new sign-in on this device ends the session before. Dispatches `again` with `why`, the name of
 * the text that says what it is for.
 */
export function signInAgain(phone, why) {
  tab.setItem("phone", phone);
  session.dispatchEvent(new CustomEvent("again", { detail: why }));
}

/** Shows the view of this address to the signed-in user again. */
export function stay() {
  tab.removeItem("phone");
  changed();
}

/**
 * Works without a connection too, and does not wait for a refresh. The session then ends here now, and on the server when
 * it expires: `unheard` is the name of the text that says so.
 */
export async function signOut(why, unheard = why) {
  if (kept() && !isKept(shown)) return; // another user has signed in meanwhile
  const { refresh } = kept() ?? {};
  local.removeItem(KEPT);
  // A token that a refresh has just replaced ends the session too.
  const body = { refresh };
  const heard = !refresh || (await call("POST", "/api/auth/logout", { body, longest: LONGEST_GOODBYE }).then(() => true, was401));
  if (!isSignedIn()) changed(heard ? why : unheard);
}

function was401({ status }) {
  return status === 401; // it has ended already
}

/** Forgets everything: the user's tokens are revoked, and this device is no longer known. */
export function ended(why) {
  local.removeItem(KNOWN);
  forget(why);
}

/** @throws {Problem} */
export async function authorized(method, path, body) {
  return withToken((token) => call(method, path, { body, token }));
}

/**
 * For a request that may be repeated if its response was lost.
 * @throws {Problem}
 */
export async function authorizedAgain(method, path, body) {
  return withToken((token) => callAgain(method, path, body, token));
}

/** @throws {Problem} */
export async function download(path) {
  return withToken(async (token) => (await send("GET", path, { token })).blob());
}

/** Nothing is done in the name of whoever signs in meanwhile, and an answer to the user before is not shown to them. */
async function withToken(act) {
  const id = shown;
  const used = await token(id);
  const answer = await act(used).catch(async (problem) => {
    if (problem.status !== 401 || !isKept(id)) throw problem;
    return act(await token(id, used));
  });
  requireKept(id);
  return answer;
}

/** An access token of this sign-in other than the refused one. */
async function token(id, refused) {
  return held(id, refused) ?? locked(async () => held(id, refused) ?? refreshed(id));
}

async function refreshed(id) {
  requireKept(id);
  const { refresh } = kept();
  let pair;
  try {
    pair = await callAgain("POST", "/api/auth/refresh", { refresh });
  } catch (problem) {
    requireKept(id);
    // Perhaps the device was removed, and is not known any more.
    if (problem.code === "token_revoked") ended(problem);
    else if (problem.status === 401) forget(problem);
    throw problem;
  }
  requireKept(id);
  return keep(id, pair); // before the pair is used: see docs/clients.md
}

function held(id, refused) {
  const { token, until } = kept() ?? {};
  return isKept(id) && token !== refused && Date.now() < until ? token : null;
}

function isKept(id) {
  return id !== undefined && kept()?.id === id;
}

function requireKept(id) {
  if (!isKept(id)) throw new Problem("not_authenticated", { status: 401 });
}

function kept() {
  return JSON.parse(local.getItem(KEPT));
}

/** The access token is used until shortly before it expires, because a request takes time too. */
function keep(id, { token, refresh, expires_in }) {
  local.setItem(KEPT, JSON.stringify({ id, refresh, token, until: Date.now() + (expires_in - 15) * 1000 }));
  return token;
}

function forget(why) {
  local.removeItem(KEPT);
  changed(why);
}

function changed(why) {
  shown = kept()?.id;
  session.dispatchEvent(new CustomEvent("change", { detail: why }));
}

/**
 * Runs `act` in one tab at a time. The lock is held a moment longer, because other tabs see stored values late.
 * Browsers have locks only on secure origins. Elsewhere the service's reuse interval of ten seconds has to suffice.
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
  if (key === KNOWN && newValue && isSignedIn()) changed(); // the user has changed the number in another tab
  if (key !== KEPT && key !== null) return;
  const [before, after] = [oldValue, newValue].map((value) => JSON.parse(value)?.id);
  if (before !== after || key === null) changed(after ? undefined : "signed_out_elsewhere");
});
