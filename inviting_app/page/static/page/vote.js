/** The own vote: the screen of an invited user, the form for a code, and what was activated. */

import { make, say, setOff, spell } from "./elements.js";
import { contact, day, halves, phone, t, unbroken } from "./i18n.js";
import { inviteCode } from "./invite_code.js";
import { explain } from "./problems.js";
import { authorized } from "./session.js";
import { local, tab } from "./store.js";
import { ask, complain, onSubmit, remember, show, working } from "./ui.js";
import { aboutFriends, aboutPeriod, isOver, whyMissing } from "./voting.js";

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
  const act = async () => {
    const answer = await activated($, code, profile).catch((problem) => mend(problem, code, profile, showProfile));
    if (answer) showGiven(answer, code, showProfile);
  };
  const button = $("[data-activate]");
  button.addEventListener("click", working($(".problem"), button, act, { words: unconfirmed(), button }));
  $("[data-later]").addEventListener("click", () => {
    keepForLater(profile, code);
    forgetLink();
    showProfile(profile);
    document.querySelector("main h1").focus();
    say(t("code_waits"));
  });
  return $;
}

/** Nobody has the code of the link: it can be corrected in the form. */
function mend(problem, code, profile, showProfile) {
  if (problem.code !== "invite_code_not_found") throw problem;
  forgetLink();
  tab.setItem(draft(profile), halves(code));
  showProfile(profile);
  const $ = (selector) => document.querySelector(`main ${selector}`);
  putFirst($);
  complain($("#invite-problem"), explain(problem), { field: $("#invite") });
}

/** Shows the own vote. It may be another one, given in another tab or on another device. */
function showGiven(profile, code, showVoted) {
  showVoted(profile);
  if (profile.activated_invite === code) return celebrate(profile);
  tellCode(document.querySelector("main [data-notice]"), "problem_already_activated", profile.activated_invite);
  document.querySelector("main h1").focus();
}

function tellCode(notice, text, code) {
  const shown = unbroken(halves(code));
  notice.textContent = t(text, { code: shown });
  setOff(notice, shown);
}

/** @param {(profile) => void} showVoted called when the user has voted with the form, or elsewhere before */
export function showChoice($, profile, voting, showVoted) {
  const form = $("[data-choice] form");
  const fromLink = dataset.inviteCode;
  const notice = $("[data-notice]");
  if (profile.activated_invite) {
    showVote($, profile, voting);
    if (fromLink && fromLink !== profile.activated_invite) tellCode(notice, "link_unused", fromLink);
    return;
  }
  $("#choice-title").textContent = t("choice_none");
  $("[data-period]").textContent = voting.results_published_at ? "" : aboutPeriod(voting, false);
  if (fromLink === profile.invite_code) notice.textContent = t("own_link");
  const isOthers = fromLink && fromLink !== profile.invite_code;
  if (isOver(voting)) {
    if (isOthers) {
      notice.textContent = t("code_late", { code: halves(fromLink) });
      setOff(notice, halves(fromLink));
    }
    $("[data-broken]")?.remove();
    return form.replaceWith(make("p", t("no_vote")));
  }
  if (voting.open) return offerForm($, form, profile, showVoted);
  if (isOthers) keepForLater(profile, fromLink);
  const kept = local.getItem(draft(profile));
  if ($("[data-broken]")) $("[data-broken]").textContent = t("broken_link"); // there is no form to type into
  $("#choice-title").hidden = true; // there is nothing under it yet
  if (!kept) return form.remove();
  const saved = make("p", t("code_saved", { code: unbroken(kept) }));
  setOff(saved, unbroken(kept));
  form.replaceWith(saved);
}

function offerForm($, form, profile, showVoted) {
  const field = $("#invite");
  const kept = local.getItem(draft(profile));
  field.value = tab.getItem(draft(profile)) ?? kept ?? "";
  remember(field, draft(profile));
  const isKept = Boolean(kept) && field.value === kept;
  if (isKept) explainCode($("[data-lead]"), field);
  if (isKept || $("[data-broken]")) putFirst($);
  const act = async () => {
    const box = $("#invite-problem");
    const code = inviteCode(field.value);
    if (!code) {
      return complain(box, field.value.trim() ? malformed() : t("missing_invite"), { field });
    }
    field.value = halves(code);
    const answer = await activated($, code, profile);
    if (answer) showGiven(answer, code, showVoted);
  };
  onSubmit(form, act, { words: unconfirmed() });
}

/** What a code is made of, and on a line of its own what to do. */
function malformed() {
  return `${t("malformed_invite", { signs: unbroken(t("unused_signs")) })}\n${t("paste_invite")}`;
}

export function showVote($, { activated_invite, activated_at, receipt }, voting) {
  $("[data-choice] form")?.remove();
  $("[data-period]").textContent = voting.results_published_at ? "" : aboutPeriod(voting, true);
  if (voting.results_published_at) tellCounted($("[data-counted]"), receipt, whyMissing(activated_at, voting));
  $("[data-friends]").textContent = aboutFriends(voting);
  $("[data-broken]")?.remove();
  $("[data-notice]").textContent = "";
  $("#choice-title").textContent = $("#choice-title").dataset.done;
  $("[data-chosen]").hidden = false;
  spell($("[data-chosen] .code"), activated_invite);
  $("[data-chosen] .hint").textContent = votedAt(activated_at);
}

function votedAt(time) {
  return t("activated_at", { time: unbroken(day(new Date(time), "long")) });
}

function tellCounted(notice, receipt, why) {
  notice.classList.toggle("warning", !receipt);
  if (receipt) return (notice.textContent = t("vote_counted"));
  const [before, after] = t("mistake", { contact: "\n" }).split("\n");
  const link = contact();
  if (link) link.textContent = t("contact_us");
  const way = make("p");
  way.append(before, link ?? t("contact_us"), after);
  notice.replaceChildren(make("p", why.text), timetable(why.times), way);
}

/** Rows of a label and a time. */
function timetable(times) {
  const table = Object.assign(make("dl"), { className: "times", hidden: !times.length });
  for (const [name, time] of times) {
    const row = make("div");
    row.append(make("dt", t(name)), make("dd", time));
    table.append(row);
  }
  return table;
}

/** The profile after the activation, or nothing if the user does not want it. */
async function activated($, code, profile) {
  spell($("#confirm [data-code]"), code);
  $("#confirm [data-phone]").textContent = phone(profile.phone);
  if (!(await ask($("#confirm")))) return null;
  const answer = await vote(code);
  forgetDraft(profile);
  forgetLink();
  return answer;
}

/** The profile with the own vote, also if it was given before: perhaps only the response to this one was lost. */
async function vote(code) {
  try {
    return await authorized("POST", ME, { activated_invite: code });
  } catch (problem) {
    if (problem.code === "already_activated") return authorized("GET", ME);
    throw problem;
  }
}

/** What is told where nobody knows whether the vote was given. */
function unconfirmed() {
  const words = t("vote_unconfirmed");
  return { offline: words, unavailable: t("vote_busy"), internal_error: words };
}

/** Says on top of the profile that it is done, in place of the card that says so later. The own code is next. */
function celebrate({ activated_invite }) {
  const success = document.querySelector("main [data-success]");
  const code = unbroken(halves(activated_invite));
  const done = Object.assign(make("h1", t("vote_counted_for", { code })), { className: "done", tabIndex: -1 });
  setOff(done, code);
  success.querySelector(".done").replaceWith(done);
  demote(document.querySelector("main [data-own-code] h1"));
  document.querySelector("main [data-choice]").hidden = true;
  success.hidden = false;
  success.focus();
  say(t("activated", { code }));
}

/** The form shows the code when the user comes back, also in another tab and after a new sign-in. */
function keepForLater(profile, code) {
  tab.removeItem(draft(profile));
  local.setItem(draft(profile), halves(code));
}

/** Forgets what was typed or kept. */
export function forgetDraft(profile) {
  for (const storage of [tab, local]) storage.removeItem(draft(profile));
}

/** The name of what was typed: the next user of this browser does not see it. */
function draft({ user_id }) {
  return `invite of ${user_id}`;
}

/** Until the code in the field is changed, the text says why it is there. */
function explainCode(lead, field) {
  const usual = lead.textContent;
  Object.assign(lead, { textContent: t("code_waits"), className: "notice" });
  field.addEventListener("input", () => Object.assign(lead, { textContent: usual, className: "" }), { once: true });
}

/** Who came by an invitation votes first, and shares the own code then. */
function putFirst($) {
  const [title, own] = [$("#choice-title"), $("h1")];
  const first = Object.assign(make("h1", title.textContent), { id: title.id, tabIndex: -1 });
  first.dataset.done = title.dataset.done;
  const card = own.closest(".card");
  title.replaceWith(first);
  demote(own);
  card.before($("[data-choice]"));
  $("[data-choice] form > button").className = "primary";
}

/** Another heading is that of the page. */
function demote(title) {
  title.replaceWith(make("h2", title.textContent));
}

/** Its code is used, or moved into the form. */
function forgetLink() {
  dataset.inviteCode = "";
  if (location.pathname !== "/") history.replaceState(null, "", `/${location.hash}`);
}
