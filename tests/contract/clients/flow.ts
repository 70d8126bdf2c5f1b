// The whole flow by openapi-typescript and openapi-fetch: two users sign in, one activates the other's code, all ends.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
type Problem = components["schemas"]["ProblemAnswer"];
type Answer<T> = { data?: T; error?: Problem; response: Response };

const [site = "", firstPhone = "", secondPhone = ""] = process.argv.slice(2);
const anyone = createClient<paths>({ baseUrl: site });

function got<T>(answer: Answer<T>): T {
  if (answer.data === undefined) throw new Error(answer.error?.code ?? "no answer");
  return answer.data;
}

function done(answer: Answer<unknown>): void {
  expect(answer.response.status, 204);
}

function refused(answer: Answer<unknown>, status: number, code: Problem["code"]): Problem {
  expect(answer.response.status, status);
  expect(answer.error?.code, code);
  return answer.error!;
}

function expect(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

function authorized(token: string) {
  return createClient<paths>({ baseUrl: site, headers: { Authorization: `Bearer ${token}` } });
}

async function signIn(phone: string) {
  const asked = got(await anyone.POST("/api/auth/signup", { body: { phone } }));
  const answer = { challenge_id: asked.challenge_id, code: asked.code ?? "" };
  const { token, refresh } = got(await anyone.POST("/api/auth/login", { body: answer }));
  return { api: authorized(token), refresh };
}

const first = await signIn(firstPhone);
const second = await signIn(secondPhone);

const mine = got(await first.api.GET("/api/v1/profiles/me"));
expect(mine.phone, firstPhone);
expect(mine.activated_invite, null);

const body = { activated_invite: mine.invite_code };
const theirs = got(await second.api.POST("/api/v1/profiles/me", { body }));
expect(theirs.activated_invite, mine.invite_code);

const page = got(await first.api.GET("/api/v1/profiles/me/invitations", { params: { query: {} } }));
expect(page.results.map((invitation) => invitation.phone).join(), secondPhone);
expect(page.next_cursor, null);
expect(got(await first.api.GET("/api/v1/profiles/me")).invitations[0], secondPhone);

refused(await first.api.POST("/api/v1/profiles/me", { body }), 409, "own_invite_code");
const again = refused(await second.api.POST("/api/v1/profiles/me", { body }), 409, "already_activated");
expect(again.activated_invite, mine.invite_code);
const wrong = refused(await anyone.POST("/api/auth/login", { body: { code: "12" } }), 400, "invalid");
expect(wrong.errors?.[0]?.field, "code");

const pair = got(await anyone.POST("/api/auth/refresh", { body: { refresh: first.refresh } }));
const refreshed = authorized(pair.token);
const other = await signIn(firstPhone);
const devices = got(await other.api.GET("/api/v1/devices"));
expect(devices.length, 2);
const device_id = devices.find((device) => !device.current)!.id;
done(await other.api.DELETE("/api/v1/devices/{device_id}", { params: { path: { device_id } } }));
refused(await refreshed.GET("/api/v1/profiles/me"), 401, "token_revoked");

done(await anyone.POST("/api/auth/logout", { body: { refresh: other.refresh } }));
refused(await other.api.GET("/api/v1/profiles/me"), 401, "token_revoked");
done(await second.api.DELETE("/api/v1/devices"));
refused(await second.api.GET("/api/v1/profiles/me"), 401, "token_revoked");

const last = await signIn(firstPhone);
expect(typeof got(await last.api.GET("/api/v1/profiles/me/export")), "object");
done(await last.api.DELETE("/api/v1/profiles/me"));
refused(await last.api.GET("/api/v1/profiles/me"), 401, "token_revoked");
