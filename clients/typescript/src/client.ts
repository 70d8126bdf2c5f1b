import createClient, { type Client as Fetcher } from "openapi-fetch";

import { ANONYMOUS } from "./anonymous.js";
import { Problem } from "./problem.js";
import type { paths } from "./schema.js";
import { ATTEMPT_TIME, send, sleep, unlessAborted, type Sending } from "./sending.js";
import { exclusive, memory, type Store } from "./store.js";
import type { Answer, Given, Init, ListPath, Method, Path, Query, Result, Schemas } from "./types.js";

export interface Options {
  /** Keeps the tokens. Without it the user is signed out at the end of the process or the page. */
  store?: Store;
  /** For every request, such as `Accept-Language`. */
  headers?: Record<string, string>;
  /** Seconds for which reading and refreshing wait for `Retry-After` in all. Default: 60. */
  longestWait?: number;
}

/** What is kept in the store. */
const REFRESH = "inviting_app.refresh";
/** Shared, because a second exchange at once would make a late copy of the first look stolen. */
const ACCESS = "inviting_app.access";
const DEVICE = "inviting_app.device_token";
const CHALLENGE = "inviting_app.challenge_id";
/** The time at which an exchange of the refresh token began; it is removed after. */
const REFRESHING = "inviting_app.refreshing";
/** A log-in may be repeated only within ten seconds, and a sign-up is waited for by a user. */
const SIGN_IN_ATTEMPTS = 2;
/** A lost refresh may be repeated at any time. */
const REFRESH_ATTEMPTS = 4;
/** Milliseconds by which an access token is given up before it expires. */
const MARGIN = 15_000;
/** Milliseconds between two looks at whether another tab has finished its refresh. */
const LOOK_EVERY = 200;
/** Operations that end the user's own session and the device's trust. */
const ENDING = ["delete /api/v1/devices", "delete /api/v1/profiles/me"];

interface Access {
  token: string;
  /** Milliseconds, as of `Date.now()`. */
  until: number;
  /** The device token, which is another one for each user. */
  device: string | null;
}

/** One user of one service. All methods throw Problem if they are refused. */
export class Client {
  readonly #store: Store;
  readonly #longestWait: number;
  readonly #api: Fetcher<paths>;
  readonly #alone: ReturnType<typeof exclusive>;
  #access: Access | undefined;

  constructor(site: string, { store = memory(), headers = {}, longestWait = 60 }: Options = {}) {
    this.#store = store;
    this.#longestWait = longestWait;
    this.#api = createClient<paths>({ baseUrl: site, headers, credentials: "omit", redirect: "error" });
    this.#alone = exclusive(`inviting_app ${site}`);
  }

  async isSignedIn(): Promise<boolean> {
    return (await this.#store.getItem(REFRESH)) !== null;
  }

  /** Requests a sign-in code for this phone, as it was typed. Call it again for another SMS, after `resend_in`. */
  async signUp(phone: string): Promise<Schemas["SignupAnswer"]> {
    const device_token = await this.#store.getItem(DEVICE);
    const challenge_id = await this.#store.getItem(CHALLENGE);
    const fetch = this.#sender({ attempts: SIGN_IN_ATTEMPTS });
    const { data } = await this.#api.POST("/api/auth/signup", { body: { phone, device_token, challenge_id }, fetch });
    await this.#store.setItem(CHALLENGE, data!.challenge_id);
    return data!;
  }

  /** Signs in with the code, as it was typed. If `requested_by_others` is true, warn the user. */
  async logIn(code: string): Promise<Schemas["LoginAnswer"]> {
    const body = { code, challenge_id: await this.#store.getItem(CHALLENGE) };
    return this.#alone(async () => {
      const fetch = this.#sender({ attempts: SIGN_IN_ATTEMPTS });
      const { data } = await this.#api.POST("/api/auth/login", { body, fetch });
      await this.#forget(REFRESH); // a crash leaves no session of a former user beside this user's device
      await this.#store.setItem(DEVICE, data!.device_token);
      await this.#keep(data!);
      await this.#store.removeItem(CHALLENGE);
      return data!;
    });
  }

  /** Ends the session. The device stays known. The tokens are gone even if this throws Problem. */
  signOut(): Promise<void> {
    return this.#alone(async () => {
      const refresh = await this.#store.getItem(REFRESH);
      try {
        if (refresh) await this.#api.POST("/api/auth/logout", { body: { refresh }, fetch: this.#sender() });
      } catch (problem) {
        if (!isUnauthorized(problem)) throw problem;
      } finally {
        await this.#forget(REFRESH);
      }
    });
  }

  /** Activates the invite code of another user. It succeeds if this code was activated before. */
  async activate(inviteCode: string): Promise<Schemas["OwnProfileAnswer"]> {
    try {
      return await this.post("/api/v1/profiles/me", { body: { activated_invite: inviteCode } });
    } catch (problem) {
      const activated = problem instanceof Problem ? problem.members.activated_invite : undefined;
      if (!activated || letters(activated) !== letters(inviteCode)) throw problem;
    }
    return this.get("/api/v1/profiles/me");
  }

  get<P extends Path<"get">, I extends Init<"get", P>>(path: P, ...init: Given<I>): Promise<Answer<"get", P, I>> {
    return this.#call("get", path, init[0]);
  }

  post<P extends Path<"post">, I extends Init<"post", P>>(path: P, ...init: Given<I>): Promise<Answer<"post", P, I>> {
    return this.#call("post", path, init[0]);
  }

  delete<P extends Path<"delete">, I extends Init<"delete", P>>(
    path: P,
    ...init: Given<I>
  ): Promise<Answer<"delete", P, I>> {
    return this.#call("delete", path, init[0]);
  }

  /** Each result of a list, page after page. */
  async *all<P extends ListPath>(path: P, query?: Query<P>): AsyncGenerator<Result<P>> {
    let cursor: string | null | undefined;
    do {
      const init = { params: { query: { ...query, ...(cursor ? { cursor } : {}) } } };
      const page = await this.#call<Page<Result<P>>>("get", path, init);
      yield* page.results;
      cursor = page.next_cursor;
    } while (cursor);
  }

  async #call<T>(method: Method, path: string, init: Called = {}): Promise<T> {
    const { signal } = init;
    const user = await this.#user();
    const token = ANONYMOUS.has(`${method} ${path}`) ? undefined : await unlessAborted(this.#token(user), signal);
    const answer = await this.#request<T>(method, path, init, token).catch(async (problem) => {
      const fresh = token && isUnauthorized(problem) ? await unlessAborted(this.#token(user, token), signal) : undefined;
      if (!fresh) throw problem;
      return this.#request<T>(method, path, init, fresh);
    });
    if (ENDING.includes(`${method} ${path}`)) await this.#alone(() => this.#end(user));
    return answer;
  }

  async #request<T>(method: Method, path: string, init: object, token?: string): Promise<T> {
    const request = this.#api.request as (...request: unknown[]) => Promise<{ data?: unknown }>;
    const { data } = await request(method, path, { ...init, fetch: this.#sender({}, token) });
    return data as T;
  }

  #sender(sending: Omit<Sending, "longestWait"> = {}, token?: string): (request: Request) => Promise<Response> {
    return (request) => {
      if (token) request.headers.set("Authorization", `Bearer ${token}`);
      return send(request, { ...sending, longestWait: this.#longestWait });
    };
  }

  /** Who uses this client now: the device token, which is another one for each user. */
  async #user(): Promise<string | null> {
    return this.#access ? this.#access.device : this.#store.getItem(DEVICE);
  }

  /** An access token of this user other than the refused one, if the user is still here. One caller refreshes for all. */
  async #token(user: string | null, refused?: string): Promise<string | undefined> {
    const live = this.#liveToken(user, refused);
    if (live) return live;
    return this.#alone(async () => {
      await this.#waitForOthers();
      if ((await this.#store.getItem(DEVICE)) !== user) return undefined; // nothing is done in another user's name
      const stored = await this.#store.getItem(ACCESS);
      if (stored) this.#access = JSON.parse(stored);
      const found = this.#liveToken(user, refused);
      if (found) return found;
      const refresh = await this.#store.getItem(REFRESH);
      return refresh ? this.#exchanged(refresh) : undefined;
    });
  }

  #liveToken(user: string | null, refused?: string): string | undefined {
    const { token, until, device } = this.#access ?? { until: 0 };
    return device === user && token !== refused && Date.now() < until ? token : undefined;
  }

  /** A new access token. Signs out if the session has ended. */
  async #exchanged(refresh: string): Promise<string> {
    await this.#store.setItem(REFRESHING, String(Date.now()));
    try {
      const fetch = this.#sender({ attempts: REFRESH_ATTEMPTS, waits: true });
      const { data } = await this.#api.POST("/api/auth/refresh", { body: { refresh }, fetch });
      return await this.#keep(data!);
    } catch (problem) {
      if (isUnauthorized(problem) && (await this.#store.getItem(REFRESH)) === refresh) await this.#forget(REFRESH);
      throw problem;
    } finally {
      await this.#store.removeItem(REFRESHING);
    }
  }

  /** Waits while an exchange by a page that is gone, or that shares only the store, may be under way. */
  async #waitForOthers(): Promise<void> {
    const deadline = Date.now() + ATTEMPT_TIME;
    for (;;) {
      const began = await this.#store.getItem(REFRESHING);
      if (!began || Date.now() >= deadline || Date.now() - Number(began) >= ATTEMPT_TIME) return;
      await sleep(LOOK_EVERY);
    }
  }

  /** Stores the pair before it is used: a pair that is lost before its first use can be requested again. */
  async #keep({ token, refresh, expires_in }: Schemas["TokenAnswer"]): Promise<string> {
    await this.#store.setItem(REFRESH, refresh);
    const until = Date.now() + expires_in * 1000 - MARGIN;
    this.#access = { token, until, device: await this.#store.getItem(DEVICE) };
    await this.#store.setItem(ACCESS, JSON.stringify(this.#access));
    return token;
  }

  /** Forgets this user, whose session has ended, and nothing of another one who has signed in meanwhile. */
  async #end(user: string | null): Promise<void> {
    if ((await this.#store.getItem(DEVICE)) === user) await this.#forget(REFRESH, DEVICE);
    else this.#access = undefined;
  }

  async #forget(...keys: string[]): Promise<void> {
    this.#access = undefined;
    for (const key of [ACCESS, ...keys]) await this.#store.removeItem(key);
  }
}

/** What of an `init` this client reads itself. */
interface Called {
  params?: object;
  signal?: AbortSignal | null;
}

interface Page<R> {
  results: R[];
  next_cursor: string | null;
}

function isUnauthorized(problem: unknown): boolean {
  return problem instanceof Problem && problem.status === 401;
}

/** The code without case, spaces and dashes. */
function letters(inviteCode: string): string {
  return inviteCode.replace(/[^\p{L}\p{N}]/gu, "").toUpperCase();
}
