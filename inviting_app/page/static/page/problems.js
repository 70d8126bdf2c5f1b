/** The text of each problem, and what the user can do next. */

import { contact, halves, t, unbroken } from "./i18n.js";
import { written } from "./voting.js";

/** The next step for each code of the API. The views pass a function for each step, see `ui.js`. */
const WAYS = {
  offline: "retry",
  unavailable: "wait",
  internal_error: "retry",
  too_many_requests: "wait",
  invalid: "field",
  invalid_phone: "field",
  region_not_allowed: "field",
  invalid_code: "new_code",
  account_disabled: "other_number",
  not_authenticated: "sign_in_again",
  token_invalid: "sign_in_again",
  token_expired: "sign_in_again",
  token_revoked: "sign_in_again",
  permission_denied: "sign_in_again",
  staff_phone: "field",
  foreign_origin: "none",
  fresh_sign_in_required: "sign_in_again",
  not_found: "load_again",
  invite_code_not_found: "field",
  own_invite_code: "field",
  already_activated: "load_again",
  voting_closed: "go_on",
  phone_taken: "other_number",
};

/** The other codes mean that the page is older than the service. */
const OUT_OF_DATE = "problem_out_of_date";

export function wayOut(problem) {
  if (problem.code === "invalid_code" && problem.attempts_left) return "field";
  return WAYS[problem.code] ?? "load_again";
}

/** @param words texts of the view, by the problems' codes, in place of the usual ones */
export function explain(problem, words = {}) {
  const text = words[problem.code] ?? usual(problem);
  return errorNumber(problem) ? `${text} ${t("reference")}` : text;
}

function usual(problem) {
  if (problem.code === "invalid_code" && problem.attempts_left) {
    return t("wrong_code", { left: problem.attempts_left });
  }
  if (problem.code === "invalid_phone") return notAPhone();
  if (problem.errors?.[0]?.code === "own") return t("own_phone");
  if (problem.code === "voting_closed") return explainPeriod(problem);
  return t(problem.code in WAYS ? `problem_${problem.code}` : OUT_OF_DATE, {
    code: halves(problem.activated_invite ?? ""),
    site: new URL(document.querySelector('[property="og:url"]').content).host,
  });
}

// As many characters of the request's id as people can read out. They suffice to find it in the log.
const NUMBER_LENGTH = 12;

/** What operators find the error by, or "". */
export function errorNumber({ code, request_id }) {
  return code === "internal_error" ? (request_id ?? "").slice(0, NUMBER_LENGTH) : "";
}

/** Whether nothing is wrong: the user only has to wait, or to do something else first. */
export function isCaution({ code }) {
  return ["fresh_sign_in_required", "unavailable", "too_many_requests"].includes(code) || !(code in WAYS);
}

/** The link to those who can help, where the user cannot. */
export function help({ code }) {
  return ["account_disabled", "foreign_origin", "internal_error", "staff_phone"].includes(code) ? contact() : null;
}

/** Some regions have no example. */
export function notAPhone() {
  const { phoneExample } = document.body.dataset;
  return t(phoneExample ? "problem_invalid_phone" : "phone_in_full", { example: unbroken(phoneExample) });
}

function explainPeriod({ opens_at, closes_at }) {
  if (Date.parse(opens_at) > Date.now()) return t("voting_not_begun", { time: written(opens_at) });
  if (Date.parse(closes_at) <= Date.now()) return t("voting_over", { time: written(closes_at) });
  return t("problem_voting_closed");
}

// Seconds to wait where no response says how many.
const USUAL_WAIT = 5;

/** The time of the next attempt, in milliseconds of this machine's clock. */
export function retryAt(problem) {
  return Date.now() + (problem.retry_after ?? USUAL_WAIT) * 1000;
}
