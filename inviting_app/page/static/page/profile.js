/** The profile: the own code to share, the own vote, and the users who voted for this user. */

import { halves, phone, t } from "./i18n.js";
import { readPeople, showPeople } from "./people.js";
import { authorized } from "./session.js";
import { OTHERS, tab } from "./store.js";
import { make, say, show, spell } from "./ui.js";
import { isInvited, showChoice, showInvited, showVote } from "./vote.js";
import { isChanged, isOver, readVoting, showResults } from "./voting.js";

const ME = "/api/v1/profiles/me";

/** Reads the profile. @returns {Promise<() => () => Promise>} a function that shows it and returns its refresh */
export async function readProfile() {
  const [profile, voting] = await Promise.all([authorized("GET", ME), readVoting()]);
  const people = await readPeople(profile);
  return () => {
    if (!isInvited(profile, voting)) return showProfile(profile, voting, people);
    let refresh = async () => () => {}; // there is nothing to see anew before the user has chosen
    showWho(
      showInvited(profile, (now) => {
        refresh = showProfile(now, voting, people);
      }),
      profile,
    );
    return () => refresh();
  };
}

function showProfile(profile, voting, people) {
  const $ = showWho(show("profile"), profile);
  spell($(".own"), profile.invite_code);
  showSharing($, profile);
  if (isOver(voting)) {
    for (const button of $(".actions").querySelectorAll(".primary")) button.className = "secondary"; // sharing brings no votes
    $("[data-sharing]").textContent = t("no_more_votes");
    $("[data-none] p").textContent = t("nobody");
  }
  showChoice($, profile, voting);
  showResults($("[data-results]"), voting, profile);
  const showAnew = showPeople($("[data-people]"), profile, people);
  let showNow = null;
  return async () => {
    if (showNow) return showNow();
    const [now, then] = await Promise.all([authorized("GET", ME), readVoting()]);
    if (!isChanged(voting, then)) return () => showNews($, now, voting, showAnew);
    const newest = await readPeople(now);
    return () => {
      showNow = showProfile(now, then, newest);
    };
  };
}

function showWho($, profile) {
  $(".who [data-phone]").textContent = phone(profile.phone);
  $("[data-others]").hidden = !tab.getItem(OTHERS);
  tab.removeItem(OTHERS);
  return $;
}

/** Shows changes since the last read. What the user is typing stays. */
function showNews($, profile, voting, showAnew) {
  const form = $("[data-choice] form");
  if (form && profile.activated_invite && !$("dialog[open]")) {
    const busy = form.contains(document.activeElement);
    showVote($, profile, voting);
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
