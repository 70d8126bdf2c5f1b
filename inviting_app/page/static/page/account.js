/** The account: devices, a copy of the data, and erasure. */

import { make, makeButton, say } from "./elements.js";
import { dayAndTime, phone, t, unbroken } from "./i18n.js";
import { forgetNewPhone } from "./new_phone.js";
import { authorized, download, ended, signInAgain, signOut } from "./session.js";
import { CHANGED, RETURNED, take } from "./store.js";
import { ask, show, working } from "./ui.js";
import { forgetDraft } from "./vote.js";

const ME = "/api/v1/profiles/me";
const DEVICES = "/api/v1/devices";

/** Reads the account. @returns {Promise<() => () => Promise>} a function that shows it and returns its refresh */
export async function readAccount() {
  const [profile, devices] = await Promise.all([authorized("GET", ME), authorized("GET", DEVICES)]);
  return () => showAccount(profile, devices);
}

function showAccount(profile, devices) {
  const $ = show("account");
  $("[data-phone]").textContent = phone(profile.phone);
  const notice = $("[data-notice]");
  if (take(CHANGED)) notice.textContent = t("phone_changed");
  $(".columns").addEventListener("click", ({ target }) => {
    if (target.closest("button")) notice.textContent = "";
  });
  const isBack = take(RETURNED);
  $("[data-erase] h2").toggleAttribute("data-back", isBack);
  $("[data-returned]").hidden = !isBack;
  $("[data-erase] [data-ahead]").hidden = isBack; // it has come true
  $("[data-change]").addEventListener("click", () => (location.hash = "new-phone"));
  onClick($("[data-me]"), "[data-sign-out]", async () => {
    leave();
    forgetNewPhone(profile);
    await signOut("signed_out", "signed_out_offline");
  });
  tellOfVote(profile);
  showDevices(devices);

  const endAll = async () => {
    if (!(await ask($("#confirm-end-all")))) return;
    await authorized("DELETE", DEVICES);
    leave();
    ended("all_ended");
  };
  onClick($("[data-devices]"), "[data-end-all]", endAll, { words: { unavailable: t("end_all_failed") } });
  onClick($("[data-export]"), "button", async () => {
    save(await download(`${ME}/export`), `${profile.invite_code}.json`);
    tell($("[data-export]"), t("exported"));
  });
  onClick(
    $("[data-erase]"),
    "button",
    async () => {
      if (!(await ask($("#confirm-erase")))) return;
      await authorized("DELETE", ME);
      leave();
      forgetNewPhone(profile);
      forgetDraft(profile);
      ended("erased");
    },
    { sign_in_again: () => signInAgain(profile.phone, "sign_in_to_erase") },
  );
  return async () => {
    const now = await authorized("GET", DEVICES);
    return () => $("dialog[open]") || $(".devices").contains(document.activeElement) || showDevices(now);
  };

  function showDevices(listed) {
    const [own, others] = [true, false].map((current) => listed.filter((device) => device.current === current));
    $(".devices").replaceChildren(...[...own, ...others].map((device) => item(device, $("#confirm-end"))));
    offerToEnd($("[data-devices]"));
  }
}

/** What becomes of the own vote with the account. One with a receipt is in the published results, and stays there. */
function tellOfVote({ activated_invite, receipt }) {
  for (const part of document.querySelectorAll("main [data-voted]")) part.hidden = !activated_invite || Boolean(receipt);
  document.querySelector("main [data-published]").hidden = !receipt;
}

function onClick(card, selector, act, ways) {
  const button = card.querySelector(selector);
  button.addEventListener("click", () => card.querySelector("[data-done]")?.replaceChildren());
  button.addEventListener("click", working(card.querySelector(":scope > .problem"), button, act, ways));
}

/** Says in the card that something is done. */
function tell(card, text) {
  card.querySelector("[data-done]").textContent = text;
  say(text);
}

/** After the next sign-in the profile is shown. */
function leave() {
  history.replaceState(null, "", location.pathname);
}

function item(device, dialog) {
  const name = described(device.user_agent);
  const row = make("li");
  const { ended_at, signed_in_at } = device;
  const time = unbroken(dayAndTime(new Date(ended_at ?? signed_in_at))); // two devices of one day do not look alike
  const state = t(ended_at ? "signed_out_at" : "signed_in_at", { time });
  const when = Object.assign(make("p"), { className: "hint" });
  if (device.current) when.append(Object.assign(make("span", t("this_device")), { className: "badge" }), " ");
  when.append(state);
  const box = Object.assign(make("div"), { className: "problem", role: "alert" });
  row.append(make("strong", name), when, box);
  if (!device.current) when.before(ender(device, name, row, box, dialog)); // this one is signed out above
  return row;
}

/** There is nothing to remove where this device is the only one. */
function offerToEnd(card) {
  const isOnly = card.querySelectorAll("li").length < 2;
  for (const part of card.querySelectorAll(":scope > .hint, .last")) part.hidden = isOnly;
}

/** The button that removes another device. */
function ender(device, name, row, box, dialog) {
  const button = makeButton(t(device.ended_at ? "forget" : "end"), () => {}, "secondary small");
  button.ariaLabel = t(device.ended_at ? "forget_device" : "end_device", { device: name });
  const end = async () => {
    dialog.querySelector("h2").textContent = t(device.ended_at ? "forget_title" : "end_title", { device: unbroken(name) });
    dialog.querySelector("[data-effect]").textContent = t("end_effect", { device: unbroken(name) });
    for (const part of dialog.querySelectorAll("[data-live]")) part.hidden = Boolean(device.ended_at);
    for (const part of dialog.querySelectorAll("[data-left]")) part.hidden = !device.ended_at;
    if (!(await ask(dialog))) return;
    await authorized("DELETE", `${DEVICES}/${device.id}`);
    const card = row.closest("[data-devices]");
    tell(card, t(device.ended_at ? "device_forgotten" : "device_ended", { device: name }));
    row.remove();
    offerToEnd(card);
    (card.querySelector("li button") ?? card.querySelector("h2")).focus();
  };
  const words = { unavailable: t(device.ended_at ? "forget_failed" : "end_failed", { device: name }) };
  button.addEventListener("click", working(box, button, end, { words }));
  return button;
}

const BROWSERS = {
  Edg: "Edge",
  OPR: "Opera",
  YaBrowser: "Yandex Browser",
  SamsungBrowser: "Samsung Internet",
  Firefox: "Firefox",
  FxiOS: "Firefox",
  CriOS: "Chrome",
  Chrome: "Chrome",
  Safari: "Safari",
};
const SYSTEMS = {
  Android: "Android",
  iPhone: "iPhone",
  iPad: "iPad",
  Windows: "Windows",
  "Mac OS X": "macOS",
  CrOS: "ChromeOS",
  Linux: "Linux",
};

/** The names of browser and system. The first match counts, because browsers also name each other. */
function described(userAgent) {
  const nameIn = (names) => names[Object.keys(names).find((name) => userAgent.includes(name))];
  const [browser, system] = [nameIn(BROWSERS), nameIn(SYSTEMS)];
  if (browser && system) return t("browser_on", { browser, system });
  return browser ?? system ?? (userAgent ? t("app", { name: userAgent.slice(0, 40) }) : t("unknown_device"));
}

function save(blob, name) {
  const link = Object.assign(make("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers read it a little later
}
