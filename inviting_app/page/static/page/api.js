/** Requests to the API, and the errors they fail with. */

/** A refused request. `code` is a stable code of the API, or `offline` when there was no response. */
export class Problem extends Error {
  constructor(code, members = {}) {
    super(code);
    Object.assign(this, members, { code });
  }
}

// Milliseconds until a response must have come. A network that drops it counts as offline.
const LONGEST_WAIT = 20_000;

// The same for a request that is repeated at once. The service answers a repeated log-in for ten seconds.
const WAIT_BEFORE_REPEAT = 8_000;

/**
 * The response of the API: parsed JSON, or null.
 * @throws {Problem}
 */
export async function call(method, path, { body, token, longest = LONGEST_WAIT } = {}) {
  return within(longest, async (signal) => {
    const answer = await send(method, path, { body, token, signal });
    return answer.status === 204 ? null : await answer.json();
  });
}

/**
 * As `call`, for a log-in, a refresh or a new number: it is sent again once if its response was lost. The service then
 * returns the same session, tokens that work, or the same success.
 * @throws {Problem}
 */
export async function callAgain(method, path, body, token) {
  const options = { body, token, longest: WAIT_BEFORE_REPEAT };
  return call(method, path, options).catch((problem) => {
    if (problem.code !== "offline" && problem.status !== 502 && problem.status !== 504) throw problem;
    return call(method, path, options);
  });
}

/**
 * The response itself, as soon as it begins.
 * @throws {Problem}
 */
export async function request(method, path, { token } = {}) {
  return within(LONGEST_WAIT, (signal) => send(method, path, { token, signal }));
}

async function within(milliseconds, act) {
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), milliseconds);
  try {
    return await act(waiting.signal);
  } catch (problem) {
    throw problem instanceof Problem ? problem : new Problem("offline"); // also if it was cut off in the middle
  } finally {
    clearTimeout(timer);
  }
}

async function send(method, path, { body, token, signal }) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function problem(answer) {
  try {
    const members = await answer.json();
    return new Problem(members.code, members);
  } catch {
    // A response of the proxy: the service is down.
    const code = answer.status >= 500 ? "unavailable" : "internal_error";
    return new Problem(code, { status: answer.status, retry_after: Number(answer.headers.get("Retry-After")) || undefined });
  }
}
