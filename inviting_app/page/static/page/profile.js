/** The profile: the own code to share, the own vote, and the users who voted for this user. */

import { halves, phone, t } from "./i18n.js";
import { readPeople, showPeople } from "./people.js";
import { authorized } from "./session.js";
import { OTHERS, tab } from "./store.js";
import { make, say, show, spell } from "./ui.js";
import { isInvited, showChoice, showInvited, showVote } from "./vote.js";

const ME = "/api/v1/profiles/me";

/** Reads the profile. @returns {Promise<() => () => Promise>} a function that shows it and returns its refresh */
export async function readProfile() {
  const profile = await authorized("GET", ME);
  const people = await readPeople(profile);
  return () => {
    if (!isInvited(profile)) return showProfile(profile, people);
    let refresh = async () => () => {}; // there is nothing to see anew before the user has chosen
    showWho(
      showInvited(profile, (now) => {
        refresh = showProfile(now, people);
      }),
      profile,
    );
    return () => refresh();
  };
}

function showProfile(profile, people) {
  const $ = showWho(show("profile"), profile);
  spell($(".own"), profile.invite_code);
  showSharing($, profile);
  showChoice($, profile);
  const showAnew = showPeople($("[data-people]"), profile, people);
  return async () => {
    const now = await authorized("GET", ME);
    return () => showNews($, now, showAnew);
  };
}

function showWho($, profile) {
  $(".who [data-phone]").textContent = phone(profile.phone);
  $("[data-others]").hidden = !tab.getItem(OTHERS);
  tab.removeItem(OTHERS);
  return $;
}

/** Shows changes since the last read. What the user is typing stays. */
function showNews($, profile, showAnew) {
  const form = $("[data-choice] form");
  if (form && profile.activated_invite && !$("dialog[open]")) {
    const busy = form.contains(document.activeElement);
    showVote($, profile);
    if (busy) $("#choice-title").focus();
  }
  return showAnew(profile);
}

function showSharing($, { invite_code, share_url }) {
  const share = { url: share_url, text: t("share_text", { code: halves(invite_code) }) };
  $("[data-link]").textContent = share_url.replace(/^https?:\/\//, "");
  $("[data-qr]").src = $("[data-qr]").dataset.qr.replace("CODE", invite_code);
  $("[data-share]").hidden = !navigator.share;
  $("[data-share]").addEventListener("click", () => navigator.share(share).catch(() => {})); // cancelled
  $("[data-copy=link]").className = navigator.share ? "secondary" : "primary";
  copyOnClick($("[data-copy=link]"), share_url);
  copyOnClick($("[data-copy=code]"), invite_code);
}

function copyOnClick(button, text) {
  const words = button.textContent;
  button.addEventListener("click", async () => {
    await toClipboard(text);
    say(t("copied"));
    button.textContent = t("copied");
    setTimeout(() => (button.textContent = words), 2000);
  });
}

/** Browsers have a clipboard only on secure origins and may refuse it. Selected text can be copied everywhere. */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", text);
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
