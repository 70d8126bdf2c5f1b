import { Problem, type ProblemMembers } from "./problem.js";

/** Milliseconds after which an attempt is given up. A repeated log-in must arrive within ten seconds. */
export const ATTEMPT_TIME = 8_000;
/** How often a request is sent until there is a response. Every request of the API may be repeated. */
const ATTEMPTS = 3;
/** Milliseconds before the third attempt; twice as many before the fourth. The second follows at once. */
const PAUSE = 500;

export interface Sending {
  attempts?: number;
  /** Whether to send it again after `Retry-After`, as it is always done for a GET. */
  waits?: boolean;
  /** Seconds to wait for `Retry-After` in all. */
  longestWait: number;
}

/** Resolves after this time. Rejects as soon as the signal aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();

    function end() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    }
  });
}

/** The result of work that others share. Rejects as soon as the signal aborts; the work goes on. */
export function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal | null): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    work.finally(() => signal.removeEventListener("abort", abort)).then(resolve, reject);
  });
}

/** The response to a request that is sent again if the response is lost. Throws Problem. */
export async function send(request: Request, { attempts = ATTEMPTS, waits, longestWait }: Sending): Promise<Response> {
  let lost = 0;
  let waited = 0;
  for (;;) {
    let pause: number;
    try {
      return await attempt(request);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const seconds = problem.retryAfter ?? 0;
      if (problem.status === 0 && ++lost < attempts) {
        pause = PAUSE * (lost - 1);
      } else if (lost && hasEnded(request.method, problem)) {
        return new Response(null, { status: 204 });
      } else if ((waits || request.method === "GET") && seconds > 0 && waited + seconds <= longestWait) {
        waited += seconds;
        pause = seconds * 1000;
      } else {
        throw problem;
      }
    }
    await sleep(pause, request.signal);
  }
}

/** Whether this refusal of a repeated request means that an earlier one, without a response, succeeded. */
function hasEnded(method: string, problem: Problem): boolean {
  return method === "DELETE" && (problem.status === 404 || problem.code === "token_revoked");
}

async function attempt(request: Request): Promise<Response> {
  let response: Response;
  let body: string;
  try {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(ATTEMPT_TIME)]);
    response = await fetch(request.clone(), { signal });
    body = await response.text();
  } catch (error) {
    if (request.signal.aborted) throw error; // by the caller
    throw new Problem(0, { code: "unavailable" }, error);
  }
  const kind = response.headers.get("Content-Type")?.split(";")[0];
  if (response.status === 204 || (response.ok && (kind === "application/json" || kind === "text/csv"))) {
    return new Response(response.status === 204 ? null : body, response);
  }
  throw refusal(response.status, kind, body);
}

function refusal(status: number, kind: string | undefined, body: string): Problem {
  if (status >= 400 && kind === "application/problem+json") {
    try {
      const members = JSON.parse(body) as ProblemMembers;
      if (members.code) return new Problem(status, members);
    } catch {
      // Cut off: as if there was no response.
    }
  }
  return new Problem(0, { code: "unavailable" });
}
