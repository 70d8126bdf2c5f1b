/** The users who activated the own code: the newest at once, older ones and dates on request. */

import { day, number, phone, t } from "./i18n.js";
import { authorized } from "./session.js";
import { make, say, working } from "./ui.js";

const INVITATIONS = "/api/v1/profiles/me/invitations";

/** @returns {(profile) => Promise<void>} updates the list from a newer profile, if it has changed */
export function showPeople(card, profile) {
  const $ = (selector) => card.querySelector(selector);
  let newest = null;
  let next = null;
  let dated = false;

  const more = working($(".problem"), $("[data-more]"), async () => {
    const { pathname, search } = new URL(next); // on this origin, whatever the service's own address is
    const page = await authorized("GET", pathname + search);
    const first = add(page.results, page.next);
    say(t("now_shown", { count: number($("ol").children.length) }));
    if (!next) first?.focus(); // the button is gone
  });
  const dates = working($(".problem"), $("[data-dates]"), async () => {
    const page = await authorized("GET", INVITATIONS);
    dated = true;
    startWith(page.results, page.next)?.focus(); // the button is gone
  });
  $("[data-more]").addEventListener("click", more);
  $("[data-dates]").addEventListener("click", dates);
  update(profile);
  return update;

  async function update({ invitations, invitations_count, invitations_next }) {
    $("[data-count]").textContent = number(invitations_count);
    $("[data-none]").hidden = invitations_count > 0;
    if (newest?.join() === invitations.join()) return;
    if (dated) {
      const page = await authorized("GET", INVITATIONS);
      startWith(page.results, page.next);
    } else startWith(invitations.map((text) => ({ phone: text })), invitations_next);
    newest = invitations; // only now: after a failure the next refresh tries again
  }

  function startWith(people, older) {
    $("ol").replaceChildren();
    return add(people, older);
  }

  /** @returns the first item that was added */
  function add(people, older) {
    next = older;
    const items = people.map((person) => item(person, dated));
    $("ol").append(...items);
    $("ol").hidden = !$("ol").children.length;
    $("[data-more]").hidden = !next;
    $("[data-dates]").hidden = dated || $("ol").hidden;
    return items[0];
  }
}

function item({ phone: text, activated_at }, dated) {
  const row = make("li");
  row.tabIndex = -1;
  row.append(make("span", phone(text)));
  if (dated) row.append(Object.assign(make("time", day(new Date(activated_at))), { dateTime: activated_at }));
  return row;
}
