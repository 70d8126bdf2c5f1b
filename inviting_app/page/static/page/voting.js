/** The voting period, and the published results with the receipt of the own vote. */

import { call } from "./api.js";
import { moment, t } from "./i18n.js";

export function readVoting() {
  return call("GET", "/api/v1/voting");
}

/** Whether the view has to be shown anew. */
export function isChanged(before, now) {
  return before.open !== now.open || before.closes_at !== now.closes_at || before.results_published_at !== now.results_published_at;
}

/** Whether votes were accepted and no longer are. */
export function isOver({ opens_at, closes_at, open }) {
  return !open && Boolean(closes_at) && !(Date.parse(opens_at) > Date.now());
}

/** What a user is told of the period, or "". */
export function aboutPeriod(voting, hasVoted) {
  const { opens_at, closes_at, open, results_published_at } = voting;
  if (open) return closes_at && !hasVoted ? t("voting_until", { time: written(closes_at) }) : "";
  if (!isOver(voting)) return t("voting_not_begun", { time: written(opens_at) });
  const ended = t("voting_ended", { time: written(closes_at) });
  return results_published_at ? ended : `${ended} ${t("results_later")}`;
}

/** Shows the results, once they are published. */
export function showResults(card, { results_published_at, results_sha256 }, { activated_invite, receipt, receipt_nonce }) {
  const $ = (selector) => card.querySelector(selector);
  card.hidden = !results_published_at;
  if (card.hidden) return;
  const own = receipt ? "vote_counted" : activated_invite ? "vote_not_counted" : "not_voted";
  $("[data-own]").textContent = t(own, { time: written(results_published_at) });
  $("[data-sha256]").textContent = results_sha256;
  $("[data-receipt]").textContent = receipt;
  $("[data-nonce]").textContent = receipt_nonce;
  for (const part of card.querySelectorAll("[data-of-receipt]")) part.hidden = !receipt;
}

function written(time) {
  return moment(new Date(time));
}
