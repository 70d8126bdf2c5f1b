/** Texts, numbers and times in the page's language. */

const words = document.getElementById("words").content;

const { callingCode } = document.body.dataset;

export const language = document.documentElement.lang;

/** The text with this id in `words.html`, with `{name}` filled in. */
export function t(id, values = {}) {
  return words.getElementById(id).textContent.replace(/{(\w+)}/g, (_, key) => values[key]);
}

/** A link to those who run the service, or null. */
export function contact() {
  return words.getElementById("contact")?.cloneNode(true) ?? null;
}

export function number(value) {
  return new Intl.NumberFormat(language).format(value);
}

/** The day, with the year if it is not this one. @param {Date} date @param month `long` in a sentence */
export function day(date, month = "short") {
  return new Intl.DateTimeFormat(language, dayParts(date, month)).format(date);
}

/** The day in short, and the time of day. @param {Date} date */
export function dayAndTime(date) {
  const parts = { ...dayParts(date, "short"), hour: "numeric", minute: "2-digit" };
  return new Intl.DateTimeFormat(language, parts).format(date);
}

function dayParts(date, month) {
  const isThisYear = date.getFullYear() === new Date().getFullYear();
  return { month, day: "numeric", ...(isThisYear ? {} : { year: "numeric" }) };
}

/** Date and time, which break only between the two. @param {Date} date @param more `timeZoneName` or `second` to add */
export function moment(date, more = {}) {
  const parts = { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", ...more };
  const text = new Intl.DateTimeFormat(language, parts).format(date);
  return unbroken(text).replace(/\u00a0(at|в)\u00a0/, ", "); // after "until" a comma is right in both languages
}

/** The time of day, with the date if it is not today. @param {Date} date */
export function clock(date) {
  if (date.toDateString() !== new Date().toDateString()) return moment(date);
  return new Intl.DateTimeFormat(language, { timeStyle: "short" }).format(date);
}

/** A wait as people read it off a clock: 0:29, 12:00, 1:05:00. */
export function wait(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60];
  if (seconds >= 3600) parts.unshift(Math.floor(seconds / 3600));
  return parts.map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
}

/** A phone as the service writes it, with the code of the country, and ten digits in the groups that people read. */
export function phone(text) {
  if (text.startsWith("+")) return text;
  return `+${callingCode} ${text.replace(/^(\d{3})(\d{3})(\d{2})(\d{2})$/, "$1 $2-$3-$4")}`;
}

/** The same of what was typed. Only ten digits are surely without a prefix. */
export function typedPhone(text) {
  const digits = text.replace(/[ -]/g, "");
  return /^[1-9]\d{9}$/.test(digits) ? phone(digits) : text;
}

/** For a number within a sentence: it stays on one line. */
export function unbroken(text) {
  return text.replaceAll(" ", "\u00a0").replaceAll("-", "\u2011");
}

/** Digits or letters in two halves: H7K 3QX, 12345 67890. */
export function halves(text) {
  return text.length < 6 ? text : `${text.slice(0, text.length / 2)} ${text.slice(text.length / 2)}`;
}
