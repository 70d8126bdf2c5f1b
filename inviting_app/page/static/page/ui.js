/** What all views share: showing them, forms, problems, waits, questions. */

import { Problem } from "./api.js";
import { halves, t, wait } from "./i18n.js";
import { explain, retryAt, wayOut } from "./problems.js";
import { signOut } from "./session.js";
import { tab } from "./store.js";

const main = document.querySelector("main");
const status = document.getElementById("status");
const site = document.title;

/**
 * Show the view of this name.
 * @returns a function that finds an element of it, such as `$("[data-phone]")`
 */
export function show(name) {
  const view = document.getElementById(`view-${name}`).content.cloneNode(true);
  for (const code of view.querySelectorAll("[data-spoken]")) spell(code, code.dataset.spoken);
  main.replaceChildren(view);
  main.toggleAttribute("aria-busy", false);
  const title = main.querySelector("h1")?.textContent;
  document.title = title ? `${title} · ${site}` : site;
  say("");
  return (selector) => main.querySelector(selector);
}

/** Tell what has happened to those who do not see it. */
export function say(text) {
  status.textContent = text;
}

/** A code in two halves for the eye, and letter by letter for the ear. */
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

/** Do it when the form is sent, once at a time; what goes wrong is shown under `field`. */
export function onSubmit(form, act, ways = {}) {
  const field = form.querySelector("input");
  const attempt = working(form.querySelector(".problem"), form.querySelector("button.primary"), act, {
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
 * The deed with its button busy meanwhile; a problem is explained in `box`, together with the way out of it.
 * @param ways what `problems.js` calls the ways out, each with a function; `field` is the input to mend
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

/** Explain a problem, and offer the way out of it. */
export function complainOf(problem, box, ways) {
  const way = wayOut(problem);
  const usual = { load_again: () => location.reload(), sign_in_again: () => signOut(), wait: ways.retry };
  const deed = { ...usual, ...ways }[way];
  if (way === "field" || !deed) return complain(box, explain(problem), ways);
  const button = makeButton(t(way === "wait" || way === "retry" ? "try_again" : way), () => deed());
  complain(box, explain(problem), { button });
  if (way === "wait") countDown(button, retryAt(problem), "try_again");
  else button.focus();
}

/** Say what is wrong (or nothing any more): with the field to mend, or the button that leads out of it. */
export function complain(box, text, { field, button } = {}) {
  box.replaceChildren(...(text ? [make("p", text)] : []), ...(button ? [button] : []));
  if (!field) return;
  if (text) {
    field.ariaInvalid = "true";
    field.focus();
    field.select();
  } else field.removeAttribute("aria-invalid");
}

/** Keep the button disabled until then, and tell on it how long that is; `name` and `name_in` are its words. */
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
}

/** Ask a question; true if it was answered with yes. */
export function ask(dialog) {
  return new Promise((answer) => {
    dialog.returnValue = "";
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}

/** Keep what is typed over a reload of this tab. */
export function remember(field, name = field.name) {
  field.value ||= tab.getItem(name) ?? "";
  field.addEventListener("input", () => tab.setItem(name, field.value));
}
