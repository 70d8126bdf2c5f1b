/** Shared by all views: show a view, forms, problems, countdowns, dialogs. */

import { Problem } from "./api.js";
import { copyOnClick } from "./clipboard.js";
import { make, makeButton, say, spell } from "./elements.js";
import { number, t, wait } from "./i18n.js";
import { errorNumber, explain, help, isCaution, retryAt, wayOut } from "./problems.js";
import { signOut } from "./session.js";
import { tab } from "./store.js";

const main = document.querySelector("main");
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
  document.title = title?.includes(site) ? title : [title, site].filter(Boolean).join(" · ");
  say("");
  return (selector) => main.querySelector(selector);
}

/** The words of a button for the rest of a list, with its length if that is known. */
export function showMore(left) {
  return left > 0 ? t("show_more_left", { count: number(left) }) : t("show_more");
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
 * `busy` is the name of what the button says if it takes long, and `words` are the view's own texts of problems.
 */
export function working(box, button, act, ways = {}) {
  return async function attempt(...given) {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    complain(box, "", { field: ways.field });
    if (ways.failure) complain(ways.failure, "");
    const calm = ways.busy ? sayBusy(button, t(ways.busy)) : () => {};
    try {
      await Promise.resolve(act(...given)).finally(calm);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      complainOf(problem, box, { retry: attempt, ...ways });
    } finally {
      button.ariaBusy = "false";
    }
  };
}

// So that the words of most requests do not flash up.
const NOT_LONG = 400; // milliseconds

/** @returns a function that gives the button its own words back */
function sayBusy(button, text) {
  const words = [...button.childNodes];
  const timer = setTimeout(() => (button.textContent = text), NOT_LONG);
  return () => {
    clearTimeout(timer);
    if (button.textContent === text) button.replaceChildren(...words);
  };
}

/** Explains a problem and offers the next step: with a button of its own, or with the one that the view has for it. */
export function complainOf(problem, box, ways) {
  const way = wayOut(problem);
  const load = () => location.reload();
  const usual = { load_again: load, go_on: load, sign_in_again: () => signOut(), wait: ways.retry };
  const deed = { ...usual, ...ways }[way];
  const link = help(problem);
  const byItself = ways.by_itself && problem.code === "unavailable";
  const explanation = byItself ? t("busy_by_itself") : explain(problem, ways.words);
  if (way === "field") return complain(box, explanation, { field: ways.field, link });
  if (!deed) return complain(ways.failure ?? box, explanation, { link });
  const own = way === "wait" || way === "retry" ? ways.button : undefined;
  const button = own ?? nextStep(way, deed);
  const place = ways.failure ?? box;
  const kept = ways.field && !byItself && !ways.words?.[problem.code] && ["offline", "unavailable"].includes(problem.code);
  const texts = [explanation, kept ? t(ways.field.id === "code" ? "code_kept" : "number_kept") : ""];
  const number = errorNumber(problem) && numbered(errorNumber(problem));
  complain(place, texts.filter(Boolean).join(" "), { number, button: own ? null : button, link });
  place.classList.toggle("caution", isCaution(problem));
  if (way !== "wait") return button.focus();
  const [before, done] = byItself ? ["tries_again_in", deed] : ["try_again_in"];
  const end = countDown(button, retryAt(problem), "try_again", done, { before });
  say(button.textContent); // a disabled button is silent
  ways.waits?.(end);
  if (!ways.field || document.activeElement === ways.field) return;
  place.tabIndex = -1; // the pressed button is disabled, or gives way to another
  place.focus();
}

function nextStep(way, deed) {
  if (way === "wait" || way === "retry") return makeButton(t("try_again"), deed);
  if (way !== "sign_in_again") return makeButton(t(way), deed, "primary");
  const signOutFirst = () => {
    show("loading"); // the end of the session takes a while, and this view is of it
    deed();
  };
  return makeButton(t(way), signOutFirst, "primary");
}

/** The number of an error on a line of its own, with a button that copies it. */
function numbered(number) {
  const line = Object.assign(make("div"), { className: "number" });
  const copy = makeButton(t("copy"), () => {}, "secondary small");
  copyOnClick(copy, number);
  line.append(Object.assign(make("code", number), { translate: false }), copy);
  return line;
}

/** Shows an error text, or clears it: with the field to correct, or the error's number and the link, and the button below. */
export function complain(box, text, { field, number, button, link } = {}) {
  const told = [text && make("p", text), number, link].filter(Boolean);
  const framed = Object.assign(make("div"), { className: "told" });
  framed.append(...told);
  box.replaceChildren(...(button ? [framed, button] : told));
  box.classList.remove("caution");
  if (!field) return;
  if (text) {
    field.ariaInvalid = "true";
    field.focus();
    field.select();
  } else field.removeAttribute("aria-invalid");
}

/**
 * Disables the button until then and shows the remaining time on it. `name` is its text afterwards, and `brief` that of
 * the wait on small screens.
 * @returns a function that ends this
 */
export function countDown(button, until, name, done = () => {}, { before = `${name}_in`, brief } = {}) {
  function tick() {
    const left = until - Date.now();
    button.disabled = left > 0;
    button.textContent = left > 0 ? t(before, { time: wait(left) }) : t(name);
    if (left > 0 && brief) shorten(button, t(brief, { time: wait(left) }));
    if (left > 0) return;
    clearInterval(timer);
    if (button.isConnected) done();
  }
  const timer = setInterval(() => (button.isConnected ? tick() : clearInterval(timer)), 500);
  tick();
  return () => clearInterval(timer);
}

/** Gives small screens other words of a button. */
function shorten(button, words) {
  const full = Object.assign(make("span", button.textContent), { className: "full" });
  button.replaceChildren(full, Object.assign(make("span", words), { className: "brief" }));
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
