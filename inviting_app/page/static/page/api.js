/** Requests to the API, and the errors they fail with. */

/** A refused request. `code` is a stable code of the API, or `offline` when there was no response. */
export class Problem extends Error {
  constructor(code, members = {}) {
    super(code);
    Object.assign(this, members, { code });
  }
}

/**
 * The response of the API: parsed JSON, or null.
 * @throws {Problem}
 */
export async function call(method, path, { body, token } = {}) {
  const answer = await request(method, path, { body, token });
  try {
    return answer.status === 204 ? null : await answer.json();
  } catch {
    throw new Problem("offline"); // cut off in the middle
  }
}

// Milliseconds until a response must begin. A network that drops it counts as offline.
const LONGEST_WAIT = 20_000;

/** @throws {Problem} */
export async function request(method, path, { body, token } = {}) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  const waiting = new AbortController();
  const timer = setTimeout(() => waiting.abort(), LONGEST_WAIT);
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal: waiting.signal });
  } catch {
    throw new Problem("offline");
  } finally {
    clearTimeout(timer);
  }
  if (!answer.ok) throw await problem(answer);
  return answer;
}

async function problem(answer) {
  try {
    const members = await answer.json();
    return new Problem(members.code, members);
  } catch {
    // A response of the proxy: the service is down.
    return new Problem(answer.status >= 500 ? "unavailable" : "internal_error", { status: answer.status });
  }
}
