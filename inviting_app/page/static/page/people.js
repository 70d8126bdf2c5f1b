/** The users who activated the own code: the newest at once, older ones on request. */

import { day, number, phone, t } from "./i18n.js";
import { authorized } from "./session.js";
import { make, say, working } from "./ui.js";

const INVITATIONS = "/api/v1/profiles/me/invitations";
const NOBODY = { results: [], next: null };

/** The first page of them. Most users need no request for it. */
export async function readPeople({ invitations_count }) {
  return invitations_count ? authorized("GET", INVITATIONS) : NOBODY;
}

/** @returns {(profile) => Promise<void>} updates the list from a newer profile, if it has changed */
export function showPeople(card, profile, people) {
  const $ = (selector) => card.querySelector(selector);
  let newest = null;
  let next = null;

  const more = working($(".problem"), $("[data-more]"), async () => {
    const { pathname, search } = new URL(next); // on this origin, whatever the service's own address is
    const page = await authorized("GET", pathname + search);
    const first = add(page);
    say(t("now_shown", { count: number($("ol").children.length) }));
    if (!next) first?.focus(); // the button is gone
  });
  $("[data-more]").addEventListener("click", more);
  startWith(profile, people);
  return async (now) => {
    if (newest.join() !== now.invitations.join()) startWith(now, await readPeople(now));
  };

  function startWith({ invitations, invitations_count }, page) {
    newest = invitations; // only now: after a failure the next refresh tries again
    $("[data-count]").textContent = number(invitations_count);
    $("[data-none]").hidden = invitations_count > 0;
    $("ol").replaceChildren();
    add(page);
  }

  /** @returns the first item that was added */
  function add(page) {
    next = page.next;
    const items = page.results.map(item);
    $("ol").append(...items);
    $("ol").hidden = !$("ol").children.length;
    $("[data-more]").hidden = !next;
    return items[0];
  }
}

function item({ phone: text, activated_at }) {
  const row = make("li");
  row.tabIndex = -1;
  row.append(make("span", phone(text)), Object.assign(make("time", day(new Date(activated_at))), { dateTime: activated_at }));
  return row;
}
