// The whole flow by openapi-generator's typescript-fetch, as in flow.ts.

import {
  AuthApi,
  Configuration,
  DevicesApi,
  ProblemAnswerFromJSON,
  ProblemCode,
  ProfilesApi,
  ResponseError,
  type ProblemAnswer,
} from "./client/index.js";

declare const process: { argv: string[] };

const [basePath = "", firstPhone = "", secondPhone = ""] = process.argv.slice(2);
const auth = new AuthApi(new Configuration({ basePath }));

function expect(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${String(actual)} instead of ${String(expected)}`);
}

async function done(answer: Promise<{ raw: Response }>): Promise<void> {
  expect((await answer).raw.status, 204);
}

async function refused(answer: Promise<unknown>, status: number, code: ProblemCode): Promise<ProblemAnswer> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    const problem = ProblemAnswerFromJSON(await error.response.json());
    expect(error.response.status, status);
    expect(problem.code, code);
    return problem;
  }
  throw new Error(`not refused with ${code}`);
}

function authorized(accessToken: string) {
  const configuration = new Configuration({ basePath, accessToken });
  return { profiles: new ProfilesApi(configuration), devices: new DevicesApi(configuration) };
}

async function signIn(phone: string) {
  const asked = await auth.signup({ signupRequest: { phone } });
  expect(asked.sentAt instanceof Date, true);
  const loginRequest = { code: asked.code ?? "", challengeId: asked.challengeId };
  const answer = await auth.login({ loginRequest });
  return { ...authorized(answer.token), refresh: answer.refresh };
}

const first = await signIn(firstPhone);
const second = await signIn(secondPhone);

const mine = await first.profiles.meRead();
expect(mine.phone, firstPhone);
expect(mine.activatedInvite, null);
expect(mine.activatedAt, null);

const body = { activateRequest: { activatedInvite: mine.inviteCode } };
expect((await second.profiles.meActivate(body)).activatedInvite, mine.inviteCode);

const page = await first.profiles.meInvitations();
expect(page.results.map((invitation) => invitation.phone).join(), secondPhone);
expect(page.nextCursor, null);
expect((await first.profiles.meRead()).invitations[0], secondPhone);

await refused(first.profiles.meActivate(body), 409, ProblemCode.OwnInviteCode);
const again = await refused(second.profiles.meActivate(body), 409, ProblemCode.AlreadyActivated);
expect(again.activatedInvite, mine.inviteCode);
const wrong = await refused(auth.login({ loginRequest: { code: "12" } }), 400, ProblemCode.Invalid);
expect(wrong.errors?.[0]?.field, "code");

const pair = await auth.refresh({ refreshRequest: { refresh: first.refresh } });
const refreshed = authorized(pair.token);
const other = await signIn(firstPhone);
const devices = await other.devices.devicesList();
expect(devices.length, 2);
await done(other.devices.devicesEndRaw({ deviceId: devices.find((device) => !device.current)!.id }));
await refused(refreshed.profiles.meRead(), 401, ProblemCode.TokenRevoked);

await done(auth.logoutRaw({ refreshRequest: { refresh: other.refresh } }));
await refused(other.profiles.meRead(), 401, ProblemCode.TokenRevoked);
await done(second.devices.devicesEndAllRaw());
await refused(second.profiles.meRead(), 401, ProblemCode.TokenRevoked);

const last = await signIn(firstPhone);
expect(typeof (await last.profiles.meExport()), "object");
await done(last.profiles.meEraseRaw());
await refused(last.profiles.meRead(), 401, ProblemCode.TokenRevoked);
