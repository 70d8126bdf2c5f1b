/** Sign-in: the phone, then the code. The current step survives a reload of this tab. */

import { call, callAgain } from "./api.js";
import { onPhone, request, requested, showCodeStep } from "./code_step.js";
import { t } from "./i18n.js";
import { explain } from "./problems.js";
import { knownDigits, signIn } from "./session.js";
import { OTHERS, tab } from "./store.js";
import { remember, show } from "./ui.js";
import { aboutPeriod, readVoting } from "./voting.js";

const ASKED = "asked";

/** The requested code, if any. */
function asked() {
  return JSON.parse(tab.getItem(ASKED));
}

/** @param why the problem, or the name of the text, that says why a sign-in is needed */
export function showSignIn(why) {
  if (why) tab.removeItem(ASKED); // from before the last sign-in
  if (asked()) showCode();
  else showPhone(why);
}

function showPhone(why) {
  const $ = show("phone");
  if (why) $("[data-notice]").textContent = typeof why === "string" ? t(why) : explain(why);
  if (knownDigits()) $("[data-known]").textContent = t("known_phone", { digits: knownDigits() });
  const field = $("#phone");
  remember(field);
  onPhone($, field, askForCode, showCode, { by_itself: true });
  if ($("[data-invitation]")) tellPeriod($("[data-invitation]"));
  if (why) $("h1").focus();
}

/** Nobody should sign in for a vote that is not counted. Without an answer, the profile tells it. */
async function tellPeriod(invitation) {
  const voting = await readVoting().catch(() => ({ open: true }));
  if (!voting.open) invitation.textContent = aboutPeriod(voting, false);
}

async function askForCode(phone) {
  const body = request(phone, asked());
  const state = requested(phone, await call("POST", "/api/auth/signup", { body }));
  tab.setItem(ASKED, JSON.stringify(state));
  return state;
}

function showCode() {
  const { phone } = asked();
  const isKnown = knownDigits() && phone.replace(/\D/g, "").endsWith(knownDigits());
  showCodeStep("code", asked(), {
    known: isKnown ? t("known_device") : "",
    again: () => askForCode(phone),
    enter,
    other() {
      tab.removeItem(ASKED);
      showPhone();
      document.querySelector("main #phone").focus();
    },
  });
}

async function enter(code) {
  const state = asked();
  const answer = await callAgain("POST", "/api/auth/login", { code, challenge_id: state.id });
  tab.removeItem(ASKED);
  tab.removeItem("phone");
  if (answer.requested_by_others) tab.setItem(OTHERS, "1");
  signIn(answer, state.phone);
}
