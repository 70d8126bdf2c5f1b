/** Change of the number: the new one, then the code sent to it. The current step survives a reload of this tab. */

import { onPhone, request, requested, showCodeStep } from "./code_step.js";
import { make } from "./elements.js";
import { phone as grouped, t, unbroken } from "./i18n.js";
import { explain, help } from "./problems.js";
import { authorized, authorizedAgain, knowPhone, signInAgain } from "./session.js";
import { CHANGED, RETURNED, tab, take } from "./store.js";
import { remember, show } from "./ui.js";

const ME = "/api/v1/profiles/me";
const ASKED = "asked_for_change";

/** Reads the profile. @returns {Promise<() => () => Promise>} a function that shows the step and returns its refresh */
export async function readNewPhone() {
  const profile = await authorized("GET", ME);
  if (asked()?.user !== profile.user_id) tab.removeItem(ASKED); // of another user in this tab
  return () => {
    if (asked()) showCode(profile);
    else showPhone(profile);
    return async () => () => {}; // there is nothing to see anew
  };
}

/** Forgets what was typed and requested. */
export function forgetNewPhone({ user_id }) {
  tab.removeItem(ASKED);
  tab.removeItem(typed(user_id));
}

/** The name of what was typed: the next user of this tab does not see it. */
function typed(user) {
  return `new_phone of ${user}`;
}

/** The requested code, if any, and who requested it. */
function asked() {
  return JSON.parse(tab.getItem(ASKED));
}

function showPhone(profile) {
  const $ = show("new-phone");
  $("[data-phone]").textContent = grouped(profile.phone);
  $("[data-voted]").hidden = !profile.activated_invite;
  const isBack = take(RETURNED);
  $("[data-returned]").hidden = !isBack;
  $("[data-first]").hidden = isBack; // it has come true
  const field = $("#new-phone");
  remember(field, typed(profile.user_id));
  const current = unbroken(grouped(profile.phone));
  const ways = {
    sign_in_again: () => signInAgain(profile.phone, "sign_in_to_change"),
    words: { fresh_sign_in_required: t("sign_in_by_current", { phone: current }) },
  };
  onPhone($, field, (phone) => askForCode(phone, profile), () => showCode(profile), ways);
}

async function askForCode(phone, profile) {
  const answer = await authorized("POST", `${ME}/phone`, request(phone, asked())).catch((problem) => {
    if (problem.code === "staff_phone") refuse(problem);
    throw problem;
  });
  const state = { ...requested(phone, answer), user: profile.user_id };
  tab.setItem(ASKED, JSON.stringify(state));
  return state;
}

/** Shows the refusal in place of the form: no number that is typed would help. */
function refuse(problem) {
  const $ = show("new-phone");
  const card = $(".card");
  card.replaceChildren($("h1"), make("p", explain(problem)), ...[help(problem)].filter(Boolean));
  $("h1").focus();
}

function showCode(profile) {
  const { phone } = asked();
  showCodeStep("new-phone-code", asked(), {
    again: () => askForCode(phone, profile),
    enter: (code) => enter(code, profile),
    other() {
      tab.removeItem(ASKED);
      showPhone(profile);
      document.querySelector("main #new-phone").focus();
    },
  });
}

async function enter(code, profile) {
  const now = await authorizedAgain("POST", `${ME}/phone/confirm`, { code, challenge_id: asked().id });
  forgetNewPhone(profile);
  tab.setItem(CHANGED, "1");
  knowPhone(now.phone);
  location.hash = "account";
}
