/** Shared by all views: show a view, forms, problems, countdowns, dialogs. */

import { Problem } from "./api.js";
import { halves, number, t, wait } from "./i18n.js";
import { explain, help, retryAt, wayOut } from "./problems.js";
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

/** The words of a button for the rest of a list, with its length if that is known. */
export function showMore(left) {
  return left > 0 ? t("show_more_left", { count: number(left) }) : t("show_more");
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

/**
 * Calls `act` when the form is submitted, once at a time. A problem of the field is shown under the field, and all others
 * under the button, so that the button stays in its place.
 */
export function onSubmit(form, act, ways = {}) {
  const field = form.querySelector("input");
  const box = form.querySelector(".problem");
  const button = form.querySelector(":scope > button");
  const words = button.textContent;
  const failure = Object.assign(make("div"), { className: "problem", role: "alert" });
  button.after(failure);
  let endWait = () => {};
  const attempt = working(box, button, act, {
    field,
    failure,
    button,
    waits: (end) => (endWait = end),
    retry: () => form.requestSubmit(),
    ...ways,
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    restore();
    attempt();
  });
  field.addEventListener("input", () => {
    complain(box, "", { field });
    complain(failure, "");
    restore();
  });

  function restore() {
    endWait();
    button.disabled = false;
    button.textContent = words;
  }
}

/**
 * Returns a function that calls `act` while the button is busy. Problems are explained in `box`, with the next step.
 * @param ways a function for each next step of `problems.js`. `field` is the input to correct, and `failure` the box for
 * problems of anything else. `button` is that of the view which tries again; without it, the problem gets one of its own.
 * With `by_itself` the page tries again when the service was busy: for what asks the user nothing and may be repeated.
 */
export function working(box, button, act, ways = {}) {
  return async function attempt(...given) {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    complain(box, "", { field: ways.field });
    if (ways.failure) complain(ways.failure, "");
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
  const link = help(problem);
  if (way === "field" || !deed) return complain(box, explain(problem), { field: ways.field, link });
  if (deed instanceof Element) {
    complain(box, explain(problem), { link });
    return deed.focus();
  }
  const own = way === "wait" || way === "retry" ? ways.button : undefined;
  const button = own ?? makeButton(t(way === "wait" || way === "retry" ? "try_again" : way), () => {
    if (way === "sign_in_again") show("loading"); // the end of the session takes a while, and this view is of it
    deed();
  });
  const byItself = ways.by_itself && problem.code === "unavailable";
  const place = ways.failure ?? box;
  const kept = ways.field && ["offline", "unavailable"].includes(problem.code);
  const texts = [explain(problem), kept ? t(ways.field.type === "tel" ? "number_kept" : "code_kept") : ""];
  complain(place, texts.filter(Boolean).join(" "), { button: own ? undefined : button, link });
  if (way !== "wait") return button.focus();
  const [after, done] = byItself ? ["tries_again_in", deed] : ["try_again_in"];
  const end = countDown(button, retryAt(problem), "try_again", done, after);
  say(button.textContent); // a disabled button is silent
  ways.waits?.(end);
  if (!ways.field || document.activeElement === ways.field) return;
  place.tabIndex = -1; // the pressed button is disabled, or gives way to another
  place.focus();
}

/** Shows an error text, or clears it: with the field to correct, or the button or link of the next step. */
export function complain(box, text, { field, button, link } = {}) {
  box.replaceChildren(...[text && make("p", text), button, link].filter(Boolean));
  if (!field) return;
  if (text) {
    field.ariaInvalid = "true";
    field.focus();
    field.select();
  } else field.removeAttribute("aria-invalid");
}

/**
 * Disables the button until then and shows the remaining time on it. `name` is its text afterwards.
 * @returns a function that ends this
 */
export function countDown(button, until, name, done = () => {}, before = `${name}_in`) {
  function tick() {
    const left = until - Date.now();
    button.disabled = left > 0;
    button.textContent = left > 0 ? t(before, { time: wait(left) }) : t(name);
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
