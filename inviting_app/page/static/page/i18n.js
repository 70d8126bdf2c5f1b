/** Texts, numbers and times in the page's language. */

const words = document.getElementById("words").content;

export const language = document.documentElement.lang;

/** The text with this id in `words.html`, with `{name}` filled in. */
export function t(id, values = {}) {
  return words.getElementById(id).textContent.replace(/{(\w+)}/g, (_, key) => values[key]);
}

export function number(value) {
  return new Intl.NumberFormat(language).format(value);
}

/** @param {Date} date */
export function day(date) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(date);
}

/** Date and time. @param {Date} date */
export function moment(date) {
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short" }).format(date);
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

/** Ten digits in the groups that people read them in; other numbers as they are. */
export function phone(text) {
  return text.replace(/^(\d{3})(\d{3})(\d{2})(\d{2})$/, "$1 $2-$3-$4");
}

/** For a number within a sentence: it stays on one line. */
export function unbroken(text) {
  return text.replaceAll(" ", "\u00a0").replaceAll("-", "\u2011");
}

/** Digits or letters in two halves: H7K 3QX, 12345 67890. */
export function halves(text) {
  return text.length < 6 ? text : `${text.slice(0, text.length / 2)} ${text.slice(text.length / 2)}`;
}

/** Remember the language, as Django's LocaleMiddleware reads it, and show the page in it. */
export function speak(chosen) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `django_language=${chosen}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  location.reload();
}
