// The main flow by the generated TypeScript client: two people sign in, and one activates the other's code.

import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

declare const process: { argv: string[] };
type Problem = components["schemas"]["ProblemAnswer"];

const [site = "", firstPhone = "", secondPhone = ""] = process.argv.slice(2);
const anyone = createClient<paths>({ baseUrl: site });

function got<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) throw new Error(answer.error?.code ?? "no answer");
  return answer.data;
}

function expect(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

async function signIn(phone: string) {
  const asked = got(await anyone.POST("/api/auth/signup", { body: { phone } }));
  const answer = { challenge_id: asked.challenge_id, code: asked.code ?? "" };
  const { token } = got(await anyone.POST("/api/auth/login", { body: answer }));
  return createClient<paths>({ baseUrl: site, headers: { Authorization: `Bearer ${token}` } });
}

const first = await signIn(firstPhone);
const second = await signIn(secondPhone);

const mine = got(await first.GET("/api/v1/profiles/me"));
expect(mine.phone, firstPhone);
expect(mine.activated_invite, null);

const body = { activated_invite: mine.invite_code };
const theirs = got(await second.POST("/api/v1/profiles/me", { body }));
expect(theirs.activated_invite, mine.invite_code);

const page = got(await first.GET("/api/v1/profiles/me/invitations", { params: { query: {} } }));
expect(page.results.map((invitation) => invitation.phone).join(), secondPhone);
expect(got(await first.GET("/api/v1/profiles/me")).invitations[0], secondPhone);

const own = await first.POST("/api/v1/profiles/me", { body });
expect(own.response.status, 409);
expect(own.error?.code, "own_invite_code");
const again = await second.POST("/api/v1/profiles/me", { body });
expect(again.error?.activated_invite, mine.invite_code);
const wrong = await anyone.POST("/api/auth/login", { body: { code: "12" } });
expect(wrong.error?.errors?.[0]?.field, "code");
