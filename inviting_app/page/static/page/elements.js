/** Elements that the views and their parts are made of, and what screen readers are told. */

import { halves } from "./i18n.js";

const status = document.getElementById("status");

/** Announces a change to screen readers. */
export function say(text) {
  status.textContent = text;
}

/** Shows a code in two halves. Screen readers spell it letter by letter. */
export function spell(element, code) {
  const seen = make("span", halves(code));
  seen.ariaHidden = "true";
  const heard = make("span", [...code].join(", "));
  heard.className = "unseen";
  element.replaceChildren(seen, heard);
}

/** A code within a sentence looks as it does elsewhere. @param code as it stands in the text */
export function setOff(element, code) {
  const [before, after] = element.textContent.split(code);
  if (after === undefined) return;
  const seen = Object.assign(make("span", code), { className: "code", translate: false });
  element.replaceChildren(before, seen, after);
}

export function make(tag, text = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

export function makeButton(text, act, kind = "secondary") {
  const button = make("button", text);
  button.type = "button";
  button.className = kind;
  button.addEventListener("click", act);
  return button;
}
