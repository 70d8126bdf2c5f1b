/** Which view is shown: it follows from who is signed in and from the address. */

import { Problem } from "./api.js";
import { readAccount } from "./account.js";
import { speak } from "./i18n.js";
import { readProfile } from "./profile.js";
import { isSignedIn, session } from "./session.js";
import { showSignIn } from "./sign_in.js";
import { complainOf, show } from "./ui.js";

let newest = 0;

async function open() {
  const mine = ++newest;
  show("loading");
  try {
    const showIt = await (location.hash === "#account" ? readAccount() : readProfile());
    if (mine === newest) showIt();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (mine === newest && isSignedIn()) showTrouble(problem);
  }
}

function showTrouble(problem) {
  const $ = show("trouble");
  complainOf(problem, $(".problem"), { retry: openAndFocus });
}

async function openAndFocus() {
  await open();
  document.querySelector("main h1")?.focus();
}

// A page that the browser kept and shows again has missed what happened meanwhile.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
addEventListener("hashchange", () => isSignedIn() && openAndFocus());
session.addEventListener("change", ({ detail }) => {
  newest += 1;
  if (isSignedIn()) openAndFocus();
  else showSignIn(detail);
});
const other = document.querySelector("[data-language]");
other.addEventListener("click", () => speak(other.dataset.language));

if (isSignedIn()) open();
else showSignIn();
