/** Chooses the view: by whether somebody is signed in, and by the address. */

import { Problem } from "./api.js";
import { readAccount } from "./account.js";
import "./language.js";
import { readNewPhone } from "./new_phone.js";
import { readProfile } from "./profile.js";
import { isSignedIn, session } from "./session.js";
import { showSignIn } from "./sign_in.js";
import { complainOf, show } from "./ui.js";

const VIEWS = { "#account": readAccount, "#new-phone": readNewPhone };
const RECENT_FOR = 10_000; // milliseconds

let newest = 0;
let readAnew = null;
let readAt = 0;

async function open() {
  const mine = ++newest;
  readAnew = null;
  readAt = Date.now();
  show("loading");
  try {
    const showIt = await (VIEWS[location.hash] ?? readProfile)();
    if (mine === newest) readAnew = showIt();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (mine === newest && isSignedIn()) showTrouble(problem);
  }
}

function showTrouble(problem) {
  const $ = show("trouble");
  complainOf(problem, $(".problem"), { retry: openAndFocus, by_itself: true, button: $("[data-again]") });
  $("[data-again]").addEventListener("click", openAndFocus);
  readAnew = async () => open;
}

/** Shows the changes since the last visit when the user comes back to this tab. */
async function refresh() {
  if (document.hidden || !readAnew || Date.now() < readAt + RECENT_FOR) return;
  const mine = newest;
  readAt = Date.now();
  try {
    const showIt = await readAnew();
    if (mine === newest) await showIt();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem; // otherwise the view stays as it is
  }
}

async function openAndFocus() {
  await open();
  if (!isSignedIn()) return; // the sign-in has its own focus
  const back = document.querySelector("main [data-back]"); // where the user was before the sign-in
  back?.closest(".card").scrollIntoView();
  (back ?? document.querySelector("main h1"))?.focus({ preventScroll: Boolean(back) });
}

// A page from the browser's cache does not know the changes since it was left.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
document.addEventListener("visibilitychange", refresh);
addEventListener("hashchange", () => isSignedIn() && openAndFocus());
session.addEventListener("change", ({ detail }) => {
  newest += 1;
  readAnew = null;
  if (isSignedIn()) openAndFocus();
  else showSignIn(detail);
});

session.addEventListener("again", ({ detail }) => {
  newest += 1;
  readAnew = null;
  showSignIn(detail);
});

if (isSignedIn()) open();
else showSignIn();
