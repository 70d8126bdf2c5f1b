/** Sign-in: the phone, then the code. The current step survives a reload of this tab. */

import { call, callAgain } from "./api.js";
import { clock, halves, phone as grouped, t, unbroken } from "./i18n.js";
import { explain, wayOut } from "./problems.js";
import { knownDigits, signIn } from "./session.js";
import { OTHERS, tab } from "./store.js";
import { clean, legible } from "./typed.js";
import { complain, countDown, onSubmit, remember, say, show, working } from "./ui.js";

const ASKED = "asked";
let stopReading = () => {};
const main = (selector) => document.querySelector(`main ${selector}`);

/** The requested code, if any: where it was sent, its length, and its times. */
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
  const answer = await call("POST", "/api/auth/signup", { body });
  const now = Date.now();
  const value = {
    phone,
    id: answer.challenge_id,
    length: answer.code_length,
    expires: now + answer.expires_in * 1000,
    resend: now + answer.resend_in * 1000,
    sent: answer.sent,
    sentAt: answer.sent_at,
    code: answer.code,
  };
  tab.setItem(ASKED, JSON.stringify(value));
}

function showCode() {
  const state = asked();
  const $ = show("code");
  const field = $("#code");
  const phone = grouped(state.phone);
  const sent = t(state.sent ? "sent" : "not_sent", { phone: unbroken(phone), time: clock(new Date(state.sentAt)) });
  $("[data-phone]").textContent = phone;
  $("[data-length]").textContent = t(state.length > 6 ? "code_long" : "code_short", { length: state.length });
  if (knownDigits() && state.phone.replace(/\D/g, "").endsWith(knownDigits())) {
    $("[data-known]").textContent = t("known_device");
  }
  $("[data-demo]").hidden = !state.code;
  if (state.code) $("[data-demo] .code").textContent = halves(state.code);
  else $("[data-sent]").textContent = sent;
  $("[data-other]").addEventListener("click", otherNumber);

  readSms((code) => fillIn(field, code));
  const tried = new Set();
  const again = $("[data-resend]");
  const ways = { new_code: again, other_number: $("[data-other]"), by_itself: true };
  onSubmit($("form"), () => enter(field, tried).catch(thenOffer), ways);
  submitWhenComplete($("form"), field, state.length);

  const resend = working($("form .problem"), again, async () => {
    await askForCode(state.phone);
    showCode();
    say(asked().sent ? t("code_sent_again") : main("[data-sent]").textContent);
    main("#code").focus();
  });
  again.addEventListener("click", resend);
  const endWait = countDown(again, state.resend, "send_again", () => say(t("may_send_again")));
  whenOver(field, state.expires, () => {
    complain($("form .problem"), t("code_expired"));
    offerNew();
  });

  /** A code that cannot be used any more is replaced at once: asking brings new attempts, with or without an SMS. */
  function offerNew() {
    endWait();
    again.disabled = false;
    again.textContent = t("new_code");
    again.className = "primary";
    $("form button").className = "secondary";
  }

  function thenOffer(problem) {
    if (wayOut(problem) === "new_code") offerNew();
    throw problem;
  }

  function otherNumber() {
    stopReading();
    tab.removeItem(ASKED);
    showPhone();
    main("#phone").focus();
  }
}

/** A refused code is not sent again, since that would only consume an attempt. */
async function enter(field, tried) {
  const state = asked();
  const code = digits(field.value);
  const box = main("form .problem");
  if (code.length !== state.length) return complain(box, t("code_incomplete"), { field });
  if (tried.has(code)) return complain(box, t("code_tried"), { field });
  const answer = await callAgain("POST", "/api/auth/login", { code, challenge_id: state.id }).catch((problem) => {
    if (problem.code === "invalid_code" && problem.attempts_left) tried.add(code);
    throw problem;
  });
  stopReading();
  tab.removeItem(ASKED);
  tab.removeItem("phone");
  if (answer.requested_by_others) tab.setItem(OTHERS, "1");
  signIn(answer, state.phone);
}

/** A code is sent without a click when its last digit is typed. A complete one that is being mended is not. */
function submitWhenComplete(form, field, length) {
  let before = 0;
  field.addEventListener("input", () => {
    const typed = digits(field.value);
    // Regrouped only at the end, where that does not move the caret.
    if (field.selectionStart === field.value.length) field.value = typed.replace(/^(.{5})(?=.)/, "$1 ");
    if (typed.length === length && before < length) form.requestSubmit();
    before = typed.length;
  });
}

function fillIn(field, code) {
  field.value = code;
  field.dispatchEvent(new Event("input"));
}

function digits(text) {
  return clean(text).replace(/\D/g, "");
}

/** WebOTP: browsers that support it offer to fill in the code of the SMS. */
function readSms(fill) {
  stopReading();
  if (!("OTPCredential" in window)) return;
  const reading = new AbortController();
  stopReading = () => reading.abort();
  navigator.credentials
    .get({ otp: { transport: ["sms"] }, signal: reading.signal })
    .then((read) => read && fill(read.code))
    .catch(() => {}); // the user declined, or typed it
}

function whenOver(element, moment, act) {
  setTimeout(() => element.isConnected && act(), Math.max(0, moment - Date.now()));
}
