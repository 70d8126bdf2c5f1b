// Uses the client in `clients/typescript`: `official.js SITE STORE ACTION [ARGUMENT...]`.
// Prints what came of it as JSON: `{"done": …}` or `{"refused": …}`.

import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

import { Client, Problem, type Schemas, type Store } from "inviting-app-client";

const ME = "/api/v1/profiles/me";
const [site = "", file = "", action = "", ...values] = process.argv.slice(2);
/** What the stores had after each write. */
const states: Record<string, string>[] = [];

/** Tokens in a file, with promises as in an app's secure storage. */
function fileStore(): Store {
  const items: Record<string, string> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  const save = () => {
    states.push({ ...items });
    writeFileSync(file, JSON.stringify(items));
  };
  return {
    getItem: async (key) => items[key] ?? null,
    setItem: async (key, value) => {
      items[key] = value;
      save();
    },
    removeItem: async (key) => {
      delete items[key];
      save();
    },
  };
}

async function refused(answer: Promise<unknown>, code: Schemas["ProblemCode"]): Promise<Problem> {
  try {
    await answer;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    assert.equal(problem.code, code);
    return problem;
  }
  throw new Error(`not refused with ${code}`);
}

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const result of results) found.push(result);
  return found;
}

async function signIn(client: Client, phone: string): Promise<boolean> {
  const issued = await client.signUp(phone);
  return (await client.logIn(issued.code!)).created;
}

/** Every operation, from the sign-up to the erasure. */
async function flow(first: Client, phone: string, otherPhone: string): Promise<void> {
  const second = new Client(site);
  await refused(first.get(ME), "not_authenticated");
  await refused(first.signUp("12"), "invalid_phone");
  assert(await signIn(first, phone));
  assert(await signIn(second, otherPhone));

  const mine: Schemas["OwnProfileAnswer"] = await first.get(ME);
  assert.equal(mine.phone, phone);
  assert.equal(mine.activated_invite, null);
  assert.equal((await second.activate(mine.invite_code.toLowerCase())).activated_invite, mine.invite_code);
  assert.equal((await second.activate(mine.invite_code)).activated_invite, mine.invite_code);
  const body = { activated_invite: mine.invite_code };
  const known = await refused(second.post(ME, { body }), "already_activated");
  assert.equal(known.status, 409);
  assert.equal(known.members.activated_invite, mine.invite_code);
  assert(known.requestId);
  await refused(first.activate(mine.invite_code), "own_invite_code");
  // @ts-expect-error An activation has a body.
  await refused(first.post(ME), "invalid");

  const invitations = await all(first.all("/api/v1/profiles/me/invitations"));
  assert.deepEqual(invitations.map((invitation) => invitation.phone), [otherPhone]);
  const page = await first.get("/api/v1/profiles/me/invitations", { params: { query: {} } });
  assert.equal(page.next_cursor, null);
  assert.equal((await first.get("/api/v1/voting")).open, true);
  await refused(first.get("/api/v1/results/file", { parseAs: "text" }), "not_found");
  await refused(all(first.all("/api/v1/results")), "not_found");
  await refused(all(first.all("/api/v1/profiles", { ordering: "created_at" })), "permission_denied");
  const params = { path: { user_id: mine.user_id } };
  await refused(first.get("/api/v1/profiles/{user_id}", { params }), "permission_denied");

  const third = new Client(site);
  await signIn(third, phone);
  const device = (await third.get("/api/v1/devices")).find((each) => !each.current);
  await third.delete("/api/v1/devices/{device_id}", { params: { path: { device_id: device!.id } } });
  await refused(first.get(ME), "token_revoked");
  assert.equal(await first.isSignedIn(), false);
  await second.delete("/api/v1/devices");
  assert.equal(await second.isSignedIn(), false);

  assert.equal(await signIn(first, phone), false);
  assert(await first.get("/api/v1/profiles/me/export"));
  await first.signOut();
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(file, "utf8"))), ["inviting_app.device_token"]);
  await signIn(first, phone);
  assert.equal((await first.get("/api/v1/devices")).length, 2); // the third, and this one, which stayed known
  await first.delete(ME);
  assert.equal(readFileSync(file, "utf8"), "{}");
}

/** The phone, read this many times in parallel. */
async function read(client: Client, times: string): Promise<string[]> {
  return Promise.all(Array.from({ length: Number(times) }, async () => (await client.get(ME)).phone));
}

/** Reads this many times, with restarts of the app. Returns how many of them had a response. */
async function walk(client: Client, times: string): Promise<number> {
  let done = 0;
  for (let number = 0; number < Number(times); number++) {
    if (number % 5 === 0) {
      const store = fileStore();
      await store.removeItem("inviting_app.access"); // it has expired
      client = new Client(site, { store });
    }
    try {
      await client.get(ME);
      done += 1;
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status) throw problem;
    }
  }
  return done;
}

/** How a read that is aborted ends and after how many seconds, and the phone that the next one reads. */
async function abort(client: Client): Promise<[string, number, string]> {
  const began = performance.now();
  const name = await client.get(ME, { signal: AbortSignal.timeout(500) }).catch((error: Error) => error.name);
  const seconds = (performance.now() - began) / 1000;
  return [String(name), seconds, (await client.get(ME)).phone];
}

/** What becomes of a client with whose store another user signs in. */
async function change(phone: string, otherPhone: string): Promise<string> {
  const store = fileStore();
  const [before, other] = [new Client(site, { store }), new Client(site, { store })];
  await signIn(before, phone);
  assert.equal((await other.get(ME)).phone, phone);
  await other.signOut();
  await signIn(other, otherPhone);
  for (let time = 0; time < 2; time++) await refused(before.get(ME), "token_revoked");
  assert.equal((await other.get(ME)).phone, otherPhone);
  return (await new Client(site, { store }).get(ME)).phone;
}

/** What a request gets that waits while the user signs out and another one signs in, and the phone read then. */
async function replace(client: Client, phone: string, otherPhone: string): Promise<string[]> {
  await signIn(client, phone);
  const waiting = refused(client.get(ME), "token_revoked");
  waiting.catch(() => {}); // it is awaited below
  await client.signOut();
  await signIn(client, otherPhone);
  const { code } = await waiting;
  return [code, ((await client.get(ME)) as Schemas["OwnProfileAnswer"]).phone];
}

/** Whom the store keeps after a user has ended all devices who did not sign out before another one signed in. */
async function endBefore(phone: string, otherPhone: string): Promise<string> {
  const store = fileStore();
  const [before, other] = [new Client(site, { store }), new Client(site, { store })];
  await signIn(before, phone);
  await signIn(other, otherPhone);
  await before.delete("/api/v1/devices");
  return (await new Client(site, { store }).get(ME)).phone;
}

const ACTIONS: Record<string, (client: Client, ...values: string[]) => Promise<unknown>> = {
  flow: (client, first = "", second = "") => flow(client, first, second),
  read: (client, times = "") => read(client, times),
  walk: (client, times = "") => walk(client, times),
  sign_in: (client, phone = "") => signIn(client, phone),
  abort,
  states: async (client, phone = "", otherPhone = "") => {
    await signIn(client, phone);
    await signIn(client, otherPhone);
    return states;
  },
  change: (_, phone = "", otherPhone = "") => change(phone, otherPhone),
  end_before: (_, phone = "", otherPhone = "") => endBefore(phone, otherPhone),
  replace: (client, phone = "", otherPhone = "") => replace(client, phone, otherPhone),
  sign_out: (client) => client.signOut(),
  activate: async (client, code = "") => (await client.activate(code)).activated_invite,
  end: (client) => client.delete("/api/v1/devices"),
  erase: (client) => client.delete(ME),
  invitations: async (client) =>
    (await all(client.all("/api/v1/profiles/me/invitations"))).map((invitation) => invitation.phone),
};

const client = new Client(site, { store: fileStore(), longestWait: 5 });
try {
  console.log(JSON.stringify({ done: (await ACTIONS[action]!(client, ...values)) ?? null }));
} catch (problem) {
  if (!(problem instanceof Problem)) throw problem;
  const { code, status, retryAfter } = problem;
  console.log(JSON.stringify({ refused: code, status, retry_after: retryAfter ?? null }));
}
