/** Shared by all views: show a view, forms, problems, countdowns, dialogs. */

import { Problem } from "./api.js";
import { halves, t, wait } from "./i18n.js";
import { explain, retryAt, wayOut } from "./problems.js";
import { signOut } from "./session.js";
import { tab } from "./store.js";

const main = document.querySelector("main");
const status = document.getElementById("status");
const site = document.querySelector(".brand").textContent.trim();

/**
 * Show the view of this name.
 * @returns a function that finds an element of it, such as `$("[data-phone]")`
 */
export function show(name) {
  const view = document.getElementById(`view-${name}`).content.cloneNode(true);
  const fits = document.body.dataset.inviteCode ? "invited" : "welcome";
  for (const part of view.querySelectorAll(`[data-if]:not([data-if=${fits}])`)) part.remove();
  for (const code of view.querySelectorAll("[data-spoken]")) spell(code, code.dataset.spoken);
  main.replaceChildren(view);
  main.toggleAttribute("aria-busy", false);
  const title = main.querySelector("h1")?.textContent;
  document.title = title ? `${title} · ${site}` : site;
  say("");
  return (selector) => main.querySelector(selector);
}

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

/** Calls `act` when the form is submitted, once at a time. Problems are shown under `field`. */
export function onSubmit(form, act, ways = {}) {
  const field = form.querySelector("input");
  const attempt = working(form.querySelector(".problem"), form.querySelector("button"), act, {
    field,
    retry: () => form.requestSubmit(),
    ...ways,
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt();
  });
  field.addEventListener("input", () => complain(form.querySelector(".problem"), "", { field }));
}

/**
 * Returns a function that calls `act` while the button is busy. Problems are explained in `box`, with the next step.
 * @param ways a function for each next step of `problems.js`; `field` is the input to correct. With `by_itself` the page
 * tries again when the service was busy: for what asks the user nothing and may be repeated.
 */
export function working(box, button, act, ways = {}) {
  return async function attempt(...given) {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    complain(box, "", ways);
    try {
      await act(...given);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      complainOf(problem, box, { retry: attempt, ...ways });
    } finally {
      button.ariaBusy = "false";
    }
  };
}

/** Explains a problem and offers the next step: with a button of its own, or with the one that the view has for it. */
export function complainOf(problem, box, ways) {
  const way = wayOut(problem);
  const usual = { load_again: () => location.reload(), sign_in_again: () => signOut(), wait: ways.retry };
  const deed = { ...usual, ...ways }[way];
  if (way === "field" || !deed) return complain(box, explain(problem), ways);
  if (deed instanceof Element) {
    complain(box, explain(problem));
    return deed.focus();
  }
  const button = makeButton(t(way === "wait" || way === "retry" ? "try_again" : way), () => {
    if (way === "sign_in_again") show("loading"); // the end of the session takes a while, and this view is of it
    deed();
  });
  const byItself = ways.by_itself && problem.code === "unavailable";
  complain(box, byItself ? `${explain(problem)} ${t("tries_by_itself")}` : explain(problem), { button });
  if (way !== "wait") return button.focus();
  countDown(button, retryAt(problem), "try_again", byItself ? deed : undefined);
  if (!ways.field || document.activeElement === ways.field) return;
  box.tabIndex = -1; // the form's button, which was pressed, gives way to this one
  box.focus();
}

/** Shows an error text, or clears it: with the field to correct, or the button of the next step. */
export function complain(box, text, { field, button } = {}) {
  box.replaceChildren(...(text ? [make("p", text)] : []), ...(button ? [button] : []));
  if (!field) return;
  if (text) {
    field.ariaInvalid = "true";
    field.focus();
    field.select();
  } else field.removeAttribute("aria-invalid");
}

/**
 * Disables the button until then and shows the remaining time on it. `name` and `name_in` are its texts.
 * @returns a function that ends this
 */
export function countDown(button, until, name, done = () => {}) {
  function tick() {
    const left = until - Date.now();
    button.disabled = left > 0;
    button.textContent = left > 0 ? t(`${name}_in`, { time: wait(left) }) : t(name);
    if (left > 0) return;
    clearInterval(timer);
    if (button.isConnected) done();
  }
  const timer = setInterval(() => (button.isConnected ? tick() : clearInterval(timer)), 500);
  tick();
  return () => clearInterval(timer);
}

/** Opens a dialog. True if the answer is yes. */
export function ask(dialog) {
  return new Promise((answer) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

/** Keeps the text of a field across reloads of this tab. */
export function remember(field, name = field.name) {
  field.value ||= tab.getItem(name) ?? "";
  field.addEventListener("input", () => tab.setItem(name, field.value));
}
