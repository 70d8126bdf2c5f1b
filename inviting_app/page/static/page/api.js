/** Requests to the API, and what they fail with. */

/** What was refused, by the stable codes of the API; `offline` when there was no answer at all. */
export class Problem extends Error {
  constructor(code, members = {}) {
    super(code);
    Object.assign(this, members, { code });
  }
}

/**
 * The answer of the API: parsed JSON, or null.
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

// Milliseconds until an answer must begin; a network that swallows it is no network.
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
    // Not from the service: a proxy in front of it says that it is away.
    return new Problem(answer.status >= 500 ? "unavailable" : "internal_error", { status: answer.status });
  }
}
