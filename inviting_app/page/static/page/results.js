/** The published results: the own place, the places of all, and how to check them. */

import { Problem, call } from "./api.js";
import { copyOnClick } from "./clipboard.js";
import { make, makeButton, say } from "./elements.js";
import { halves, number, t } from "./i18n.js";
import { complain, showMore, working } from "./ui.js";
import { written } from "./voting.js";

const RESULTS = "/api/v1/results";
const SHOWN_FIRST = 10;

/** The first page of the results once they are published, or null. Without them, all else is shown. */
export async function readResults({ results_published_at }) {
  if (!results_published_at) return null;
  try {
    return await call("GET", RESULTS);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return null;
  }
}

/**
 * Says in `box` that the published results could not be loaded, and reads them again on request.
 * @param {(page) => void} showThem called with their first page
 */
export function offerResults(box, showThem) {
  const words = Object.fromEntries(["offline", "unavailable", "internal_error"].map((code) => [code, t("results_still_missing")]));
  const again = working(box, box, async () => showThem(await call("GET", RESULTS)), { words });
  complain(box, t("results_missing"), { button: makeButton(t("try_again"), () => again()) });
  box.classList.add("caution");
}

/**
 * @param mine the profile of the user, if one is signed in
 * @returns how many votes for this user are counted, if that is known
 */
export function showResults(card, { results_published_at, results_sha256 }, page, mine = {}) {
  const $ = (selector) => card.querySelector(selector);
  let next = page.next;
  let waiting = page.results;
  const more = working($(".problem"), $("[data-more-places]"), async () => {
    if (!waiting.length) {
      const { pathname, search } = new URL(next); // on this origin, whatever the service's own address is
      ({ results: waiting, next } = await call("GET", pathname + search));
    }
    const [first] = add(waiting.length);
    say(t("now_shown", { count: number($("tbody").children.length) }));
    if ($("[data-more-places]").hidden) first.focus();
  });
  $("[data-more-places]").addEventListener("click", more);
  card.hidden = false;
  const counted = showOwn(page.results);
  add(SHOWN_FIRST);
  showProof(card, results_sha256, mine);
  $("[data-published]").textContent = t("results_published", { time: written(results_published_at) });
  return counted;

  /** @returns the new rows */
  function add(count) {
    const rows = waiting.slice(0, count).map((result) => row(result, mine));
    waiting = waiting.slice(count);
    $("tbody").append(...rows);
    $(".places").hidden = !$("tbody").children.length;
    $("[data-more-places]").hidden = !waiting.length && !next;
    $("[data-more-places]").textContent = showMore(next ? 0 : waiting.length);
    return rows;
  }

  function showOwn(results) {
    if (!mine.invite_code) return undefined;
    const own = results.find(({ invite_code }) => invite_code === mine.invite_code);
    $("[data-own]").hidden = !own;
    $("[data-unplaced]").hidden = Boolean(own);
    if (own) {
      $("[data-place]").textContent = number(own.place);
      $("[data-votes]").textContent = number(own.votes);
    } else if (next && mine.invitations_count) {
      $("[data-unplaced]").textContent = t("own_votes", { count: number(mine.invitations_count) });
    } else $("[data-unplaced]").textContent = t("no_place");
    return own?.votes ?? (next ? undefined : 0);
  }
}

function row({ place, invite_code, votes }, { invite_code: own, activated_invite, receipt }) {
  const result = make("tr");
  result.tabIndex = -1;
  const code = make("td");
  code.append(Object.assign(make("span", halves(invite_code)), { className: "code", translate: false }));
  const chosen = receipt ? activated_invite : null; // a vote without a receipt is not among these
  const marks = { [document.body.dataset.inviteCode]: "invited_you", [chosen]: "your_choice", [own]: "your_code" };
  const mark = marks[invite_code];
  if (mark) code.append(" ", Object.assign(make("span", t(mark)), { className: "badge" }));
  if (invite_code === own) result.className = "mine";
  result.append(make("td", number(place)), code, make("td", number(votes)));
  return result;
}

function showProof(card, sha256, { receipt, receipt_nonce }) {
  const $ = (selector) => card.querySelector(selector);
  $("[data-sha256]").textContent = sha256;
  $("[data-receipt]").textContent = receipt ?? "";
  $("[data-nonce]").textContent = receipt_nonce ?? "";
  for (const button of card.querySelectorAll("[data-copy-of]")) {
    copyOnClick(button, $(button.dataset.copyOf).textContent);
  }
  hideSecret($("[data-show-nonce]"), [$("[data-nonce]"), $('[data-copy-of="[data-nonce]"]')]);
  for (const part of $("details").querySelectorAll("[data-of-receipt]")) part.hidden = !receipt;
  $("[data-without-receipt]").hidden = Boolean(receipt);
}

/** Whoever looks over the user's shoulder does not see it. */
function hideSecret(button, parts) {
  const toggle = (hidden) => {
    for (const part of parts) part.hidden = hidden;
    button.textContent = t(hidden ? "show_secret" : "hide_secret");
  };
  toggle(true);
  button.addEventListener("click", () => toggle(!parts[0].hidden));
}
