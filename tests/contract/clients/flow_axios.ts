// The whole flow by openapi-generator's typescript-axios, as in flow.ts.

import { isAxiosError } from "axios";
import { AuthApi, Configuration, DevicesApi, ProblemCode, ProfilesApi, type ProblemAnswer } from "./client/index.js";

declare const process: { argv: string[] };

const [basePath = "", firstPhone = "", secondPhone = ""] = process.argv.slice(2);
const auth = new AuthApi(new Configuration({ basePath }));

function expect(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

async function done(answer: Promise<{ status: number }>): Promise<void> {
  expect((await answer).status, 204);
}

async function refused(answer: Promise<unknown>, status: number, code: ProblemCode): Promise<ProblemAnswer> {
  try {
    await answer;
  } catch (error) {
    if (!isAxiosError<ProblemAnswer>(error) || !error.response) throw error;
    expect(error.response.status, status);
    expect(error.response.data.code, code);
    return error.response.data;
  }
  throw new Error(`not refused with ${code}`);
}

function authorized(accessToken: string) {
  const configuration = new Configuration({ basePath, accessToken });
  return { profiles: new ProfilesApi(configuration), devices: new DevicesApi(configuration) };
}

async function signIn(phone: string) {
  const asked = (await auth.signup({ phone })).data;
  const answer = (await auth.login({ code: asked.code ?? "", challenge_id: asked.challenge_id })).data;
  return { ...authorized(answer.token), refresh: answer.refresh };
}

const first = await signIn(firstPhone);
const second = await signIn(secondPhone);

const mine = (await first.profiles.meRead()).data;
expect(mine.phone, firstPhone);
expect(mine.activated_invite, null);

const body = { activated_invite: mine.invite_code };
expect((await second.profiles.meActivate(body)).data.activated_invite, mine.invite_code);

const page = (await first.profiles.meInvitations()).data;
expect(page.results.map((invitation) => invitation.phone).join(), secondPhone);
expect(page.next_cursor, null);
expect((await first.profiles.meRead()).data.invitations[0], secondPhone);

await refused(first.profiles.meActivate(body), 409, ProblemCode.OwnInviteCode);
const again = await refused(second.profiles.meActivate(body), 409, ProblemCode.AlreadyActivated);
expect(again.activated_invite, mine.invite_code);
const wrong = await refused(auth.login({ code: "12" }), 400, ProblemCode.Invalid);
expect(wrong.errors?.[0]?.field, "code");

const refreshed = authorized((await auth.refresh({ refresh: first.refresh })).data.token);
const other = await signIn(firstPhone);
const devices = (await other.devices.devicesList()).data;
expect(devices.length, 2);
await done(other.devices.devicesEnd(devices.find((device) => !device.current)!.id));
await refused(refreshed.profiles.meRead(), 401, ProblemCode.TokenRevoked);

await done(auth.logout({ refresh: other.refresh }));
await refused(other.profiles.meRead(), 401, ProblemCode.TokenRevoked);
await done(second.devices.devicesEndAll());
await refused(second.profiles.meRead(), 401, ProblemCode.TokenRevoked);

const last = await signIn(firstPhone);
expect(typeof (await last.profiles.meExport()).data, "object");
await done(last.profiles.meErase());
await refused(last.profiles.meRead(), 401, ProblemCode.TokenRevoked);
