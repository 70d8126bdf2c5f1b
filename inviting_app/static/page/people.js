/** Who activated one's own code: the newest, and older ones on demand. */

import { number, phone, t } from "./i18n.js";
import { authorized } from "./session.js";
import { make, say, working } from "./ui.js";

export function showPeople(card, { invitations, invitations_count, invitations_next }) {
  const $ = (selector) => card.querySelector(selector);
  let next = invitations_next;

  $("[data-count]").textContent = number(invitations_count);
  $("[data-none]").hidden = invitations_count > 0;
  add(invitations);

  const more = working($(".problem"), $("[data-more]"), async () => {
    const { pathname, search } = new URL(next); // from here, whatever name the service has for itself
    const page = await authorized("GET", pathname + search);
    next = page.next;
    const first = add(page.results.map((invitation) => invitation.phone));
    say(t("now_shown", { count: number($("ol").children.length) }));
    if (!next) first?.focus(); // the button is gone
  });
  $("[data-more]").addEventListener("click", more);

  /** @returns the first item that was added */
  function add(phones) {
    const items = phones.map((text) => make("li", phone(text)));
    if (items.length) items[0].tabIndex = -1;
    $("ol").append(...items);
    $("ol").hidden = !$("ol").children.length;
    $("[data-more]").hidden = !next;
    return items[0];
  }
}
