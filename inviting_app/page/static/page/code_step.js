/** The steps in which the user types a phone, and then the code sent to it. The views say what is done with them. */

import { say } from "./elements.js";
import { clock, halves, t, typedPhone, unbroken } from "./i18n.js";
import { help, notAPhone, wayOut } from "./problems.js";
import { clean, legible } from "./typed.js";
import { complain, countDown, onSubmit, show, working } from "./ui.js";

const FIRST = { sent: "sent", kept: "not_sent" };
const REPEATED = { sent: "sent_again", kept: "not_sent" };
const RENEWED = { sent: "sent", kept: "attempts_again" };

// The titles by what has become of the code.
const ENDED = { code_expired: "expired_title", no_attempts: "no_attempts_title", code_invalid: "new_code_title" };

// What is told where the number cannot be used: a title and a text, by the code of the problem.
const CLOSED = {
  account_disabled: ["disabled_title", "disabled_text"],
  phone_taken: ["taken_title", "taken_text"],
};

let stopReading = () => {};

/** The request for a code to this phone. It keeps the challenge of the one before, if that was for the same phone. */
export function request(phone, before) {
  return { phone: clean(phone), challenge_id: before?.phone === phone ? before.id : undefined };
}

/**
 * Has the phone in the field sent by the form of a view.
 * @param askForCode requests a code to the phone
 * @param showCode shows the step of the code
 */
export function onPhone($, field, askForCode, showCode, ways) {
  groupWhileTyped(field);
  const submit = async () => {
    const phone = legible(field.value).trim();
    if (!clean(phone)) return complain($("form .problem"), notAPhone(), { field });
    await askForCode(phone);
    showCode();
    document.querySelector("main #code").focus();
  };
  onSubmit($("form"), submit, { busy: "sending", ...ways, words: { ...tooMany(), ...ways.words } });
}

/** Regrouped only at the end, where that does not move the caret. */
function groupWhileTyped(field) {
  const regroup = () => (field.value = grouped(field.value));
  regroup();
  field.addEventListener("input", () => field.selectionStart === field.value.length && regroup());
}

/** A national number that begins as the example does, in the groups of it. Other ways to write a number stay. */
function grouped(typed) {
  const { phoneExample, callingCode } = document.body.dataset;
  const shape = phoneExample.replace(`+${callingCode}`, "").trim();
  const digits = [...clean(typed)];
  const fits = digits[0] === shape[0] && digits.length <= shape.replace(/\D/g, "").length;
  if (!fits || digits.some((digit) => !/\d/.test(digit))) return typed;
  return shape.replace(/\d/g, () => digits.shift() ?? "").replace(/\D+$/, "");
}

function tooMany() {
  return { too_many_requests: t("too_many_codes") };
}

/** What is stored of a requested code: where it was sent, its length, and its times. */
export function requested(phone, answer) {
  const now = Date.now();
  return {
    phone,
    id: answer.challenge_id,
    length: answer.code_length,
    expires: now + answer.expires_in * 1000,
    resend: now + answer.resend_in * 1000,
    sent: answer.sent,
    sentAt: answer.sent_at,
    code: answer.code,
  };
}

/**
 * Shows the view of this name for the code that was `requested`.
 * @param ways `again` requests the code once more, `enter` sends what was typed, `other` shows the step before,
 * `shown` fills in what else the view has
 * @param words the names of the texts above the code, for when an SMS was sent and for when none was
 */
export function showCodeStep(view, state, ways, words = FIRST) {
  const { again, enter, other, shown = () => {} } = ways;
  const $ = show(view);
  const field = $("#code");
  const phone = typedPhone(state.phone);
  const sent = state.code ? "sent_nowhere" : state.sent ? words.sent : words.kept;
  $("[data-sent]").textContent = t(sent, { phone: unbroken(phone), time: clock(new Date(state.sentAt)) });
  $("[data-length]").textContent = t(state.length > 6 ? "code_long" : "code_short", { length: state.length });
  $("[data-demo]").hidden = !state.code;
  if (state.code) $("[data-demo] .code").textContent = halves(state.code);
  shown($);
  $("[data-other]").addEventListener("click", otherNumber);

  readSms((code) => fillIn(field, code));
  const tried = new Set();
  let left = 0; // attempts, when the service has told
  const resend = $("[data-resend]");
  onSubmit($("form"), () => submit().catch(endCode), { by_itself: true, busy: "checking" });
  submitWhenComplete($("form"), field, state.length);

  const sendAgain = async () => {
    const now = await again();
    showCodeStep(view, now, ways, $("form").hidden ? RENEWED : REPEATED);
    say(document.querySelector("main [data-sent]").textContent);
    document.querySelector("main #code").focus();
  };
  let endWait = countDown(resend, state.resend, "send_again", () => say(t("may_send_again")), { brief: "resend_in" });
  const toSend = { busy: "sending", words: tooMany(), button: resend, waits: (end) => (endWait = end) };
  resend.addEventListener("click", working($("[data-resend-problem]"), resend, sendAgain, toSend));
  whenOver(field, state.expires, () => offerNew("code_expired"));

  /** A refused code is not sent again, since that would only consume an attempt. */
  async function submit() {
    const code = digits(field.value);
    const box = $("form .problem");
    if (code.length !== state.length) return complain(box, t("code_incomplete", { length: state.length }), { field });
    if (tried.has(code)) return complain(box, t("code_tried"), { field });
    await enter(code).catch((problem) => {
      if (problem.code === "invalid_code" && problem.attempts_left) {
        tried.add(code);
        left = problem.attempts_left;
      }
      throw problem;
    });
    stopReading();
  }

  /** A code that cannot be used any more is replaced at once: asking brings new attempts, with or without an SMS. */
  function offerNew(why) {
    endWait();
    for (const box of document.querySelectorAll("main form .problem")) complain(box, ""); // of an earlier try
    $("[data-sent]").textContent = "";
    $("[data-dead]").textContent = t(why, { phone: unbroken(phone) });
    $("h1").textContent = t(ENDED[why]);
    for (const part of ["form", "[data-demo]", "details"]) $(part).hidden = true;
    field.disabled = true;
    resend.disabled = false;
    resend.textContent = t(why === "no_attempts" ? "start_again" : "new_code"); // it may be the same code again
    resend.className = "primary";
    resend.focus();
  }

  function endCode(problem) {
    if (wayOut(problem) === "other_number") return close(problem);
    if (wayOut(problem) !== "new_code") throw problem;
    if (Date.now() >= state.expires) offerNew("code_expired");
    else offerNew(left === 1 ? "no_attempts" : "code_invalid");
  }

  /** This number cannot be used, whatever is typed. */
  function close(problem) {
    endWait();
    const button = $("[data-other]");
    $("[data-sent]").textContent = "";
    const [title, text] = CLOSED[problem.code];
    $("h1").textContent = t(title);
    $("[data-dead]").textContent = t(text, { phone: unbroken(phone) });
    $(".sent").after(...[help(problem), button].filter(Boolean));
    for (const part of ["form", "[data-demo]", ".stack", "details"]) $(part).remove();
    Object.assign(button, { className: "primary", hidden: false }).focus();
  }

  function otherNumber() {
    stopReading();
    other();
  }
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

/** The digits that were typed, or of a whole SMS those of its last line: `@HOST #CODE`. */
function digits(text) {
  const typed = clean(text);
  return (/#(\d+)$/.exec(typed)?.[1] ?? typed).replace(/\D/g, "");
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
