/** Finds the invite code in what a user types or pastes. */

import { SEPARATOR, clean, latin, legible } from "./typed.js";

const { codePattern } = document.body.dataset;

const IN_LINK = new RegExp(`/i/([\\p{L}0-9]{3}${SEPARATOR}?[\\p{L}0-9]{3})(?![\\p{L}0-9])`, "iu");
// In Latin and in upper case, as this page shares it: other words of a message have six letters too.
const AMID = new RegExp(`\\b[A-Z2-9]{3}${SEPARATOR}?[A-Z2-9]{3}\\b`, "gu");
const MENTIONED = /(?:code|код)\P{L}{0,3}([a-z2-9]{6})\b/giu;
const MENTION = /code|код/iu;
const MIXED = /[A-Z]\d|\d[A-Z]/i;

/** The code in the typed or pasted text: a code, a link, or a message with either. null if there is none. */
export function inviteCode(pasted) {
  const text = legible(decoded(pasted));
  const [, inLink] = text.match(IN_LINK) ?? [];
  const whole = bare(inLink ?? text);
  if (isCode(whole)) return whole.toUpperCase();
  const mentioned = [...text.matchAll(MENTIONED)].map(([, code]) => code).filter((code) => MIXED.test(code));
  const amid = (text.match(AMID) ?? []).map(bare);
  const codes = new Set([...mentioned, ...amid].filter(isCode).map((code) => code.toUpperCase()));
  const [code] = codes;
  return codes.size === 1 && (MIXED.test(code) || isMeant(text)) ? code : null;
}

/** Whether letters alone are a code: GARDEN PARTY is none. */
function isMeant(text) {
  return MENTION.test(text) && !/\p{Lu}{2}/u.test(text.replace(AMID, ""));
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
  return new RegExp(`^${codePattern}$`, "i").test(text);
}
