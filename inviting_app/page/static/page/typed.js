/** What people type or paste, cleaned by the rules of the service (users/typed.py). One table of cases tests both. */

// Dashes and signs that look like one; spaces and the controls that separate words, lines and fields.
export const SEPARATOR = "[\\p{Pd}˗⁃−─➖ー\\p{Z}\\t-\\r\\x1c-\\x1f\\x85]";
const SEPARATORS = new RegExp(SEPARATOR, "gu");

// Format characters; variation selectors and the keycap, which emoji keyboards put behind digits.
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}\u20e3]/gu;

const CYRILLIC = "АВЕКМНРСТУХавекмнрстух";
const LATIN = "ABEKMHPCTYXabekmhpctyx";
const LOOK_ALIKES = new RegExp(`[${CYRILLIC}]`, "g"); // ignoring case, it would match some ancient letters too

/** In compatibility form, with ASCII digits, without format characters, marks of emoji, dashes and spaces. */
export function clean(text) {
  return legible(text).replace(SEPARATORS, "");
}

/** As `clean`, with dashes and spaces. */
export function legible(text) {
  return text.normalize("NFKC").replace(INVISIBLE, "").replace(/\p{Nd}/gu, ascii);
}

/** With Latin letters in place of Cyrillic ones that look alike. */
export function latin(text) {
  return text.replace(LOOK_ALIKES, (letter) => LATIN[CYRILLIC.indexOf(letter)]);
}

/** Digits stand in runs of ten, from 0 to 9. Two runs may follow each other. */
function ascii(digit) {
  const code = digit.codePointAt();
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String((code - first) % 10);
}
