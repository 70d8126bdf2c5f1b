/** Sign-in: the phone, then the code. The current step survives a reload of this tab. */

import { call, callAgain } from "./api.js";
import { requested, showCodeStep } from "./code_step.js";
import { t } from "./i18n.js";
import { explain } from "./problems.js";
import { knownDigits, signIn } from "./session.js";
import { OTHERS, tab } from "./store.js";
import { clean, legible } from "./typed.js";
import { complain, onSubmit, remember, show } from "./ui.js";

const ASKED = "asked";
const main = (selector) => document.querySelector(`main ${selector}`);

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
  onSubmit(
    $("form"),
    async () => {
      const phone = legible(field.value).trim();
      if (!clean(phone)) return complain($(".problem"), t("problem_invalid_phone"), { field });
      await askForCode(phone);
      showCode();
      main("#code").focus();
    },
    { by_itself: true },
  );
  if (why) $("h1").focus();
}

async function askForCode(phone) {
  const before = asked();
  const body = { phone: clean(phone), challenge_id: before?.phone === phone ? before.id : undefined };
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
      main("#phone").focus();
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
