import type { components } from "./schema.js";

/** The codes of this version of the service, or a newer one. */
export type ProblemCode = components["schemas"]["ProblemCode"] | (string & {});

/** Everything that the service said. Without a response it is the code alone. */
export type ProblemMembers = { code: ProblemCode } & Partial<Omit<components["schemas"]["ProblemAnswer"], "code">>;

/**
 * A refusal (RFC 9457), or no response.
 *
 * If there was no response, or none of the service, `status` is 0 and `code` is "unavailable". `detail` is for the user.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  readonly requestId: string | undefined;
  readonly members: ProblemMembers;

  constructor(status: number, members: ProblemMembers, cause?: unknown) {
    super(members.detail ?? members.code, { cause });
    this.status = status;
    this.code = members.code;
    this.detail = members.detail ?? "";
    this.retryAfter = members.retry_after;
    this.requestId = members.request_id;
    this.members = members;
  }
}
