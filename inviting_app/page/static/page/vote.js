/** The own vote: the screen of an invited user, the form for a code, and what was activated. */

import { day, halves, phone, t, unbroken } from "./i18n.js";
import { inviteCode } from "./invite_code.js";
import { authorized } from "./session.js";
import { tab } from "./store.js";
import { ask, complain, onSubmit, remember, say, show, spell, working } from "./ui.js";
import { aboutPeriod } from "./voting.js";

const ME = "/api/v1/profiles/me";
const { dataset } = document.body;

/** Whether the user came by the link of somebody else and can vote now. */
export function isInvited({ activated_invite, invite_code }, { open }) {
  return open && Boolean(dataset.inviteCode) && !activated_invite && dataset.inviteCode !== invite_code;
}

/**
 * The code of the link, to activate or not.
 * @param {(profile) => void} showProfile called when the user has chosen
 */
export function showInvited(profile, showProfile) {
  const $ = show("invited");
  const code = dataset.inviteCode;
  spell($(".ticket .code"), code);
  const activate = working($(".problem"), $("[data-activate]"), async () => {
    const answer = await activated($, code, profile);
    if (!answer) return;
    showProfile(answer);
    celebrate(answer);
  });
  $("[data-activate]").addEventListener("click", activate);
  $("[data-later]").addEventListener("click", () => {
    tab.setItem(draft(profile), halves(code)); // the form of the profile shows it
    forgetLink();
    showProfile(profile);
    document.querySelector("main h1").focus();
  });
  return $;
}

export function showChoice($, profile, voting) {
  const form = $("[data-choice] form");
  const fromLink = dataset.inviteCode;
  const notice = $("[data-notice]");
  if (profile.activated_invite) {
    showVote($, profile, voting);
    if (fromLink && fromLink !== profile.activated_invite) {
      notice.textContent = t("link_unused", { code: halves(fromLink) });
    }
    return;
  }
  $("#choice-title").textContent = t(voting.open ? "choice_none" : "choice_closed");
  $("[data-period]").textContent = aboutPeriod(voting, false);
  if (fromLink === profile.invite_code) notice.textContent = t("own_link");
  if (!voting.open) return form.remove();
  const field = $("#invite");
  remember(field, draft(profile));
  onSubmit(form, async () => {
    const box = $("#invite-problem");
    const code = inviteCode(field.value);
    if (!code) {
      return complain(box, t(field.value.trim() ? "malformed_invite" : "missing_invite"), { field });
    }
    const answer = await activated($, code, profile);
    if (!answer) return;
    showVote($, answer, voting);
    celebrate(answer);
  });
}

export function showVote($, { activated_invite, activated_at }, voting) {
  $("[data-choice] form")?.remove();
  $("[data-period]").textContent = aboutPeriod(voting, true);
  $("[data-broken]")?.remove();
  $("[data-notice]").textContent = "";
  $("#choice-title").textContent = $("#choice-title").dataset.done;
  $("[data-chosen]").hidden = false;
  spell($("[data-chosen] .code"), activated_invite);
  $("[data-chosen] .hint").textContent = t("activated_at", { time: day(new Date(activated_at)) });
}

/** The profile after the activation, or nothing if the user does not want it. */
async function activated($, code, profile) {
  spell($("#confirm [data-code]"), code);
  $("#confirm [data-phone]").textContent = phone(profile.phone);
  if (!(await ask($("#confirm")))) return null;
  const answer = await authorized("POST", ME, { activated_invite: code });
  tab.removeItem(draft(profile));
  forgetLink();
  return answer;
}

/** Says on top of the profile that it is done. */
function celebrate({ activated_invite }) {
  const success = document.querySelector("main [data-success]");
  const text = t("activated", { code: unbroken(halves(activated_invite)) });
  success.querySelector(".done").textContent = text;
  success.hidden = false;
  success.focus();
  say(text);
}

/** The name of what was typed: the next user of this browser does not see it. */
function draft({ user_id }) {
  return `invite of ${user_id}`;
}

/** Its code is used, or moved into the form. */
function forgetLink() {
  dataset.inviteCode = "";
  if (location.pathname !== "/") history.replaceState(null, "", `/${location.hash}`);
}
