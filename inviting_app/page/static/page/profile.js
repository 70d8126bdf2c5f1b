/** The profile: the own code, the own vote, and the users who voted for this user. */

import { day, halves, phone, t } from "./i18n.js";
import { showPeople } from "./people.js";
import { authorized } from "./session.js";
import { OTHERS, tab } from "./store.js";
import { SEPARATOR, clean, latin, legible } from "./typed.js";
import { ask, complain, make, onSubmit, remember, say, show, spell } from "./ui.js";

const ME = "/api/v1/profiles/me";
const { dataset } = document.body;

const IN_LINK = new RegExp(`/i/([\\p{L}0-9]{3}${SEPARATOR}?[\\p{L}0-9]{3})(?![\\p{L}0-9])`, "iu");
// In Latin and in upper case, as this page shares it: other words of a message have six letters too.
const AMID = new RegExp(`\\b[A-Z2-9]{3}${SEPARATOR}?[A-Z2-9]{3}\\b`, "gu");

/** Reads the profile. @returns {Promise<() => () => Promise>} a function that shows it and returns its refresh */
export async function readProfile() {
  const profile = await authorized("GET", ME);
  return () => showProfile(profile);
}

function showProfile(profile) {
  const $ = show("profile");
  $(".who [data-phone]").textContent = phone(profile.phone);
  if (tab.getItem(OTHERS)) $("[data-others]").hidden = false;
  tab.removeItem(OTHERS);
  spell($(".own"), profile.invite_code);
  showSharing($, profile);
  showChoice($, profile);
  const showAnew = showPeople($("[data-people]"), profile);
  return async () => {
    const now = await authorized("GET", ME);
    return () => showNews($, now, showAnew);
  };
}

/** Shows changes since the last read. What the user is typing stays. */
function showNews($, profile, showAnew) {
  const form = $("[data-choice] form");
  if (form && profile.activated_invite && !$("dialog[open]")) {
    const busy = form.contains(document.activeElement);
    showChosen($, profile);
    if (busy) $("#choice-title").focus();
  }
  return showAnew(profile);
}

function showSharing($, { invite_code, share_url }) {
  const share = { url: share_url, text: t("share_text", { code: halves(invite_code) }) };
  $("[data-link]").textContent = share_url;
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

function showChoice($, profile) {
  const form = $("[data-choice] form");
  const fromLink = dataset.inviteCode;
  const notice = $("[data-choice] [data-notice]");
  if (profile.activated_invite) {
    showChosen($, profile);
    if (fromLink && fromLink !== profile.activated_invite) {
      notice.textContent = t("link_unused", { code: halves(fromLink) });
    }
    return;
  }
  $("#choice-title").textContent = t("choice_none");
  const field = $("#invite");
  if (fromLink === profile.invite_code) notice.textContent = t("own_link");
  else if (fromLink) {
    notice.textContent = t("from_link");
    field.value = halves(fromLink);
  }
  const kept = `invite of ${profile.user_id}`; // the next user of this browser does not see it
  remember(field, kept);
  onSubmit(form, () => activate($, field, profile, kept));
}

async function activate($, field, profile, kept) {
  const box = $("#invite-problem");
  const code = inviteCode(field.value);
  if (!code) {
    return complain(box, t(field.value.trim() ? "malformed_invite" : "missing_invite"), { field });
  }
  spell($("dialog [data-code]"), code);
  $("dialog [data-phone]").textContent = phone(profile.phone);
  if (!(await ask($("dialog")))) return;
  const answer = await authorized("POST", ME, { activated_invite: code });
  tab.removeItem(kept);
  forgetLink();
  showChosen($, answer);
  say(t("activated", { code: halves(code) }));
  $("#choice-title").focus();
}

function showChosen($, { activated_invite, activated_at }) {
  $("[data-choice] form").remove();
  $("[data-choice] [data-notice]").textContent = "";
  $("#choice-title").textContent = $("#choice-title").dataset.done;
  $("[data-chosen]").hidden = false;
  spell($("[data-chosen] .code"), activated_invite);
  $("[data-chosen] .hint").textContent = t("activated_at", { time: day(new Date(activated_at)) });
}

/** The code in the typed or pasted text: a code, a link, or a message with either. null if there is none. */
function inviteCode(pasted) {
  const text = legible(decoded(pasted));
  const [, inLink] = text.match(IN_LINK) ?? [];
  const whole = bare(inLink ?? text);
  if (isCode(whole)) return whole.toUpperCase();
  const amid = text.match(AMID) ?? [];
  const codes = new Set(amid.map(bare).filter(isCode));
  return codes.size === 1 ? [...codes][0] : null;
}

/** A copied link may be percent-encoded. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bare(text) {
  return latin(clean(text)).replace(/[\p{P}\p{S}]/gu, "");
}

function isCode(text) {
  return new RegExp(`^${dataset.codePattern}$`, "i").test(text);
}

/** Its code is used. */
function forgetLink() {
  dataset.inviteCode = "";
  if (location.pathname !== "/") history.replaceState(null, "", `/${location.hash}`);
}
