/** The profile: the own code to share, the own vote, and the users who voted for this user. */

import { copyOnClick } from "./clipboard.js";
import { make, spell } from "./elements.js";
import { halves, number, phone, t } from "./i18n.js";
import { readPeople, showPeople } from "./people.js";
import { offerResults, readResults, showResults } from "./results.js";
import { authorized } from "./session.js";
import { OTHERS, take } from "./store.js";
import { show } from "./ui.js";
import { isInvited, showChoice, showInvited, showVote } from "./vote.js";
import { aboutPeriod, isChanged, isCounted, isOver, readVoting } from "./voting.js";

const ME = "/api/v1/profiles/me";
const LONG_LIST = 9;

/** Reads the profile. @returns {Promise<() => () => Promise>} a function that shows it and returns its refresh */
export async function readProfile() {
  const [profile, voting] = await Promise.all([authorized("GET", ME), readVoting()]);
  const [people, results] = await Promise.all([readPeople(profile), readResults(voting)]);
  return () => {
    if (!isInvited(profile, voting)) return showProfile(profile, voting, people, results);
    let refresh = async () => () => {}; // there is nothing to see anew before the user has chosen
    showWho(
      showInvited(profile, (now) => {
        refresh = showProfile(now, voting, people, results);
      }),
      profile,
    );
    return () => refresh();
  };
}

function showProfile(profile, voting, people, results) {
  const $ = showWho(show("profile"), profile);
  spell($(".own"), profile.invite_code);
  showSharing($, profile);
  let showNow = null;
  showChoice($, profile, voting, (now) => {
    showNow = showProfile(now, voting, people, results);
  });
  if (results) {
    const counted = showResults($("[data-results]"), voting, results, profile);
    const count = profile.invitations_count;
    if (counted < count) $("[data-counted-of]").textContent = t("counted_of", { counted: number(counted), count: number(count) });
  }
  if (!voting.open) arrange($, profile, voting, results);
  giveRoom($, profile);
  const counts = results ? (time) => isCounted(time, voting) : undefined;
  const showAnew = showPeople($("[data-people]"), profile, people, counts);
  if (voting.results_published_at && !results) {
    $("[data-period]").after($("[data-missing]"));
    offerResults($("[data-missing]"), (published) => {
      showNow = showProfile(profile, voting, people, published);
      $("h1").focus();
    });
  }
  return async () => {
    if (showNow) return showNow();
    const [now, then] = await Promise.all([authorized("GET", ME), readVoting()]);
    if (!isChanged(voting, then)) return () => showNews($, now, voting, showAnew);
    const [newest, published] = await Promise.all([readPeople(now), readResults(then)]);
    return () => {
      showNow = showProfile(now, then, newest, published);
    };
  };
}

function showWho($, profile) {
  $(".who [data-phone]").textContent = phone(profile.phone);
  $("[data-others]").hidden = !take(OTHERS);
  return $;
}

/** Shows changes since the last read. What the user is typing stays. */
function showNews($, profile, voting, showAnew) {
  const form = $("[data-choice] form");
  if (form && profile.activated_invite && !$("dialog[open]")) {
    const busy = form.contains(document.activeElement);
    showVote($, profile, voting);
    if (busy) $("#choice-title").focus();
  }
  return showAnew(profile);
}

function showSharing($, { invite_code, share_url }) {
  const share = { url: share_url, text: t("share_text", { code: halves(invite_code) }) };
  writeLink($("[data-link]"), share_url);
  $("[data-qr]").src = $("[data-qr]").dataset.qr.replace("CODE", invite_code);
  $("[data-share]").hidden = !navigator.share;
  $("[data-share]").addEventListener("click", () => navigator.share(share).catch(() => {})); // cancelled
  $("[data-copy=link]").className = navigator.share ? "secondary" : "primary";
  copyOnClick($("[data-copy=link]"), share_url);
  copyOnClick($("[data-copy=code]"), invite_code);
  $(".qr").addEventListener("toggle", () => $(".qr").open && bringWhole($(".qr img")));
}

/** A long one breaks before the code, or before a dot of the host. */
function writeLink(element, url) {
  const [, host, path] = url.match(/^https?:\/\/(.+)(\/i\/.+)$/);
  element.replaceChildren(...[...host.split(/(?=\.)/), path].map((part) => make("span", part)));
}

/** Scrolls just as far as the whole picture needs. */
function bringWhole(picture) {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  picture.scrollIntoView({ block: "nearest", behavior: isCalm ? "instant" : "smooth" });
}

/** While nobody can vote, the state of the vote comes first. After the end the own code is of little use. */
function arrange($, { activated_invite, receipt }, voting, results) {
  const [own, choice, period] = [$(".own").closest(".card"), $("[data-choice]"), $("[data-period]")];
  const title = own.querySelector("h1");
  title.replaceWith(make("h2", title.textContent));
  if (results) {
    title.textContent = t("results_title");
    title.id = "results-title";
    $("#results-title").replaceWith(title);
    $("[data-results] [data-about]").textContent = aboutPeriod(voting);
    const isMissing = activated_invite && !receipt; // that comes before all else
    $(isMissing ? "[data-results]" : "[data-people]").before(choice);
  } else {
    title.textContent = t(isOver(voting) ? "over_title" : "soon_title");
    choice.prepend(title, period);
    period.className = "";
    if (voting.results_published_at) period.textContent = aboutPeriod(voting);
    own.before(choice);
  }
  if (isOver(voting)) endSharing($, own);
  else $("[data-none] p").textContent = t("nobody_yet");
}

/** A long list gets the whole width, under the two columns. */
function giveRoom($, { invitations_count }) {
  if (invitations_count < LONG_LIST) return;
  $("[data-people]").classList.add("long-list");
  $(".columns").append($("[data-people]"));
}

function endSharing($, own) {
  own.classList.add("over");
  $("[data-people]").before(own);
  for (const part of own.querySelectorAll(".link, .actions, .qr")) part.hidden = true;
  $("[data-sharing]").textContent = t("no_more_votes");
  $("[data-none] p").textContent = t("nobody");
  $("[data-none] svg").remove(); // it invites to share
}
