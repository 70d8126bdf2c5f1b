/** Sign-in: the phone, then the code. The current step survives a reload of this tab. */

import { Problem, call, callAgain } from "./api.js";
import { onPhone, request, requested, showCodeStep } from "./code_step.js";
import { make, setOff } from "./elements.js";
import { halves, t, typedPhone, unbroken } from "./i18n.js";
import { explain as worded } from "./problems.js";
import { offerResults, readResults, showResults } from "./results.js";
import { isSignedIn, knownDigits, signIn, stay } from "./session.js";
import { OTHERS, RETURNED, tab } from "./store.js";
import { remember, show } from "./ui.js";
import { beforeSignIn, isOver, readVoting } from "./voting.js";

const ASKED = "asked";
const LONGEST_BLANK = 400; // milliseconds
// Reasons to be here that the user chose. The others come as a surprise.
const CHOSEN = ["signed_out", "signed_out_elsewhere", "all_ended", "erased", "sign_in_to_change", "sign_in_to_erase"];

// After these, nobody needs to be told which number it was.
const LEFT = ["signed_out", "signed_out_elsewhere", "signed_out_offline"];

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
  if (why) $("[data-notice]").textContent = typeof why === "string" ? t(why) : worded(why);
  $("[data-notice]").classList.toggle("warning", Boolean(why) && !CHOSEN.includes(why));
  if (why && !document.body.dataset.inviteCode) $("[data-about]").hidden = true; // nobody is new here
  const digits = knownDigits();
  if (digits && !LEFT.includes(why) && !isSignedIn()) tellKnown($("#phone-hint"), digits);
  const field = $("#phone");
  remember(field);
  onPhone($, field, (phone) => askForCode(phone, why), showCode, { by_itself: true });
  if (isSignedIn()) confirmUser($);
  else tellPeriod($);
  if (why) $("[data-notice]").focus();
}

/** The session goes on meanwhile, and leads back. */
function confirmUser($) {
  $("h1").textContent = t("sign_in_again");
  $("#phone-hint").textContent = t("code_to", { phone: unbroken(typedPhone($("#phone").value)) });
  for (const part of ["label", "#phone"]) $(part).hidden = true; // it is this user's
  for (const part of ["[data-about]", ".ticket", "[data-broken]"]) $(part)?.remove();
  offerToStay($);
  $("form").requestSubmit(); // nothing is left to decide; if it is refused, this says why
}

function offerToStay($) {
  $("[data-stay]").hidden = false;
  $("[data-stay] a").addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", "#account");
    stay();
  });
}

/** In the hint, so that what is wrong with the number takes the place of both. */
function tellKnown(hint, digits) {
  const pairs = unbroken(digits.replace(/^(..)(..)$/, "$1-$2"));
  const known = make("span", t("known_phone", { digits: pairs }));
  known.dataset.known = "";
  hint.prepend(known, " ");
}

/** Nobody should sign in for a vote that is not counted. Without an answer, the profile tells it. */
async function tellPeriod($) {
  const entry = $(".entry"); // of this view, whatever is shown by then
  entry.classList.add("waiting"); // so that the usual text does not flash up first
  setTimeout(() => entry.classList.remove("waiting"), LONGEST_BLANK);
  try {
    const voting = await readVoting();
    explain(entry, voting, await readResults(voting));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
  } finally {
    entry.classList.remove("waiting");
  }
}

function explain(entry, voting, results) {
  const [title, about, missing] = ["h1", "[data-about]", "[data-missing]"].map((part) => entry.querySelector(part));
  const { inviteCode } = document.body.dataset;
  const usual = about.hidden ? "" : about.textContent;
  const [first = "", ...others] = beforeSignIn(usual, voting, inviteCode, results);
  const rest = others.map((text) => make("p", text));
  about.textContent = first;
  if (inviteCode) for (const part of rest) setOff(part, unbroken(halves(inviteCode)));
  about.hidden = !first;
  about.after(...rest);
  if (isOver(voting)) {
    title.textContent = t("over_title");
    entry.querySelector("#phone-hint").lastChild.textContent = t("sms_hint");
    entry.querySelector(".ticket")?.remove();
  }
  if (results) return lead(entry, title, [about, ...rest], voting, results);
  if (!voting.results_published_at) return;
  about.after(missing);
  offerResults(missing, (page) => {
    for (const paragraph of rest) paragraph.remove();
    explain(entry, voting, page);
    title.focus();
  });
}

/** The results come first, and the sign-in after them. */
function lead(entry, title, about, voting, results) {
  const [signIn, card] = [title.closest(".card"), entry.querySelector("[data-results]")];
  signIn.prepend(make("h2", t("sign_in")), make("p", t("sign_in_to_check")));
  title.textContent = t("results_title");
  card.querySelector("h2").replaceWith(title);
  title.id = "results-title";
  card.querySelector("[data-about]").replaceWith(...about);
  showResults(card, voting, results);
  const jump = Object.assign(make("a", t("sign_in_below")), { href: "#phone", className: "jump" });
  jump.addEventListener("click", (event) => {
    event.preventDefault(); // the address names views
    signIn.querySelector("#phone").focus();
  });
  about.at(-1).after(jump);
  signIn.before(card);
}

/** @param why the name of the text that says what a signed-in user signs in again for */
async function askForCode(phone, why) {
  const body = request(phone, asked());
  const state = requested(phone, await call("POST", "/api/auth/signup", { body }));
  if (isSignedIn()) state.why = why;
  tab.setItem(ASKED, JSON.stringify(state));
  return state;
}

function showCode() {
  const { phone, why } = asked();
  showCodeStep("code", asked(), {
    again: () => askForCode(phone, why),
    enter,
    other() {
      tab.removeItem(ASKED);
      showPhone(why);
      document.querySelector("main #phone").focus();
    },
    shown($) {
      if (!isSignedIn()) return;
      if (why) $("[data-why]").textContent = t(why);
      $("[data-other]").hidden = true;
      offerToStay($);
    },
  });
}

async function enter(code) {
  const state = asked();
  const answer = await callAgain("POST", "/api/auth/login", { code, challenge_id: state.id });
  tab.removeItem(ASKED);
  tab.removeItem("phone");
  if (answer.requested_by_others) tab.setItem(OTHERS, "1");
  if (state.why) tab.setItem(RETURNED, "1");
  await signIn(answer, state.phone);
}
