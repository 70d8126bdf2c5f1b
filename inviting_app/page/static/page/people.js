/** The users who activated the own code: the newest at once, older ones on request. */

import { make, say } from "./elements.js";
import { day, number, phone, t } from "./i18n.js";
import { authorized } from "./session.js";
import { showMore, working } from "./ui.js";

const INVITATIONS = "/api/v1/profiles/me/invitations";
const FULL_PAGE = 50;
const NOBODY = { results: [], next: null };

/** The first page of them. Most users need no request for it. */
export async function readPeople({ invitations_count }) {
  return invitations_count ? authorized("GET", INVITATIONS) : NOBODY;
}

/**
 * @param isCounted whether a vote of this time is in the published results
 * @returns {(profile) => Promise<void>} updates the list from a newer profile, if it has changed
 */
export function showPeople(card, profile, people, isCounted = () => true) {
  const $ = (selector) => card.querySelector(selector);
  let newest = null;
  let total = 0;
  let next = null;

  const more = working($(".problem"), $("[data-more]"), async () => {
    const { pathname, search } = new URL(next); // on this origin, whatever the service's own address is
    const page = await authorized("GET", pathname + search);
    const first = add(page);
    say(t("now_shown", { count: number($("ol").children.length) }));
    if (!next) first?.focus(); // the button is gone
  });
  $("[data-more]").addEventListener("click", more);
  const jump = document.querySelector("main [data-jump]");
  jump.addEventListener("click", (event) => {
    event.preventDefault(); // the address would name another view
    card.scrollIntoView();
    $("h2").focus({ preventScroll: true });
  });
  startWith(profile, people);
  return async (now) => {
    if (newest.join() !== now.invitations.join()) startWith(now, await readPeople(now));
  };

  function startWith({ invitations, invitations_count }, page) {
    newest = invitations; // only now: after a failure the next refresh tries again
    total = invitations_count;
    $("[data-count]").textContent = number(total);
    jump.textContent = t("voted_for_you", { count: number(total) });
    jump.hidden = !total;
    $("[data-none]").hidden = invitations_count > 0;
    $("ol").replaceChildren();
    add(page);
  }

  /** @returns the first item that was added */
  function add(page) {
    next = page.next;
    const items = page.results.map((person) => item(person, isCounted(person.activated_at)));
    $("ol").append(...items);
    $("ol").hidden = !$("ol").children.length;
    const shown = $("ol").children.length;
    $("[data-more]").hidden = !next;
    $("[data-more]").textContent = showMore(total - shown);
    $("[data-end]").textContent = next ? "" : end(shown);
    return items[0];
  }

  /** What follows the whole list. Disabled users are not in it, but their votes count. */
  function end(shown) {
    if (shown < total) return t("not_shown", { count: number(total - shown) });
    return shown < FULL_PAGE ? "" : t("all_shown", { count: number(shown) });
  }
}

function item({ phone: text, activated_at }, counts) {
  const row = make("li");
  row.tabIndex = -1;
  row.append(make("span", phone(text)), Object.assign(make("time", day(new Date(activated_at))), { dateTime: activated_at }));
  if (counts) return row;
  const mark = Object.assign(make("p"), { className: "mark" });
  mark.append(Object.assign(make("span", t("not_counted")), { className: "badge warning" }));
  row.append(mark);
  return row;
}
