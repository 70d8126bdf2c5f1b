/** The voting period, and what users are told of it. */

import { call } from "./api.js";
import { halves, moment, t, unbroken } from "./i18n.js";

export function readVoting() {
  return call("GET", "/api/v1/voting");
}

/** Whether the view has to be shown anew. */
export function isChanged(before, now) {
  return ["opens_at", "closes_at", "open", "results_published_at"].some((name) => before[name] !== now[name]);
}

/** Whether votes were accepted and no longer are. The reader's clock may be wrong: it tells which end is nearer. */
export function isOver({ opens_at, closes_at, open }) {
  const middle = (new Date(opens_at).getTime() + new Date(closes_at).getTime()) / 2; // without a beginning, long ago
  return !open && Boolean(closes_at) && middle < Date.now();
}

/** What a user is told of the period, or "". */
export function aboutPeriod(voting, hasVoted) {
  const { opens_at, closes_at, open } = voting;
  if (open) return closes_at && !hasVoted ? t("voting_until", { time: written(closes_at) }) : "";
  return isOver(voting) ? aboutEnd(voting) : t("soon_profile", { time: written(opens_at) });
}

/** Until when others can vote for this user, or "". */
export function aboutFriends({ closes_at, open }) {
  return open && closes_at ? t("friends_until", { time: written(closes_at) }) : "";
}

/** The paragraphs that are told before the sign-in, in place of the usual text or after it. */
export function beforeSignIn(usual, voting, invited, results) {
  if (voting.open) return [usual, aboutPeriod(voting, false)].filter(Boolean);
  if (!isOver(voting)) {
    const time = written(voting.opens_at);
    return invited ? [t("soon_invited"), t("soon_keeps", { time })] : [t("soon_welcome", { time })];
  }
  const late = invited ? t("code_late", { code: unbroken(halves(invited)) }) : "";
  const way = results ? "" : t("over_sign_in");
  return [aboutEnd(voting), late, way].filter(Boolean);
}

/** Whether a vote of this time is in the results of this period. */
export function isCounted(activated_at, voting) {
  return !missed(activated_at, voting);
}

/** The name of the limit that a vote of this time has missed, or "". */
function missed(activated_at, { opens_at, closes_at }) {
  const [vote, opens, closes] = [activated_at, opens_at, closes_at].map(Date.parse); // NaN where there is no limit
  if (vote < opens) return "began";
  return vote >= closes ? "ended" : "";
}

/** Why this vote is not in the published results, with the names and the times of what tells it. The reason may be another. */
export function whyMissing(activated_at, voting) {
  const limit = missed(activated_at, voting);
  if (limit === "began") return { text: t("vote_early"), times: toldApart(limit, voting.opens_at, activated_at) };
  if (limit === "ended") return { text: t("vote_late"), times: toldApart(limit, voting.closes_at, activated_at) };
  return { text: t("vote_missing"), times: [] };
}

// Parts of a time, until two of them differ.
const MORE_EXACT = [{}, { second: "2-digit" }, { second: "2-digit", fractionalSecondDigits: 3 }];

/** The times of this limit and of the vote, which look different. */
function toldApart(name, ...times) {
  const pairs = MORE_EXACT.map((parts) => times.map((time) => written(time, parts)));
  const [limit, vote] = pairs.find(([first, second]) => first !== second) ?? pairs.at(-1);
  return [[name, limit], ["voted", vote]];
}

function aboutEnd({ closes_at, results_published_at }) {
  const ended = t("voting_ended", { time: written(closes_at) });
  return results_published_at ? ended : `${ended} ${t("results_later")}`;
}

/** A time of the API in the words and the zone of the reader. */
export function written(time, more = {}) {
  return moment(new Date(time), { timeZoneName: "short", ...more });
}
