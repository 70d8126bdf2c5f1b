/** The account: devices, a copy of the data, and erasure. */

import { day, phone, t, unbroken } from "./i18n.js";
import { forgetNewPhone } from "./new_phone.js";
import { authorized, download, ended, signInAgain, signOut } from "./session.js";
import { CHANGED, tab } from "./store.js";
import { ask, make, makeButton, say, show, working } from "./ui.js";

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
  if (tab.getItem(CHANGED)) $("[data-notice]").textContent = t("phone_changed", { phone: unbroken(phone(profile.phone)) });
  tab.removeItem(CHANGED);
  $("[data-change]").addEventListener("click", () => (location.hash = "new-phone"));
  onClick($("[data-me]"), "[data-sign-out]", async () => {
    leave();
    forgetNewPhone();
    await signOut("signed_out", "signed_out_offline");
  });
  showDevices(devices);

  onClick($("[data-devices]"), "[data-end-all]", async () => {
    if (!(await ask($("#confirm-end-all")))) return;
    await authorized("DELETE", DEVICES);
    leave();
    ended("all_ended");
  });
  onClick($("[data-export]"), "button", async () => {
    save(await download(`${ME}/export`), `${profile.invite_code}.json`);
    say(t("exported"));
  });
  onClick(
    $("[data-erase]"),
    "button",
    async () => {
      if (!(await ask($("#confirm-erase")))) return;
      await authorized("DELETE", ME);
      leave();
      forgetNewPhone();
      ended("erased");
    },
    { sign_in_again: () => signInAgain(profile.phone) },
  );
  return async () => {
    const now = await authorized("GET", DEVICES);
    return () => $(".devices").contains(document.activeElement) || showDevices(now);
  };

  function showDevices(listed) {
    $(".devices").replaceChildren(...listed.map((device) => item(device, $("[data-devices] .problem"), $("#confirm-end"))));
  }
}

function onClick(card, selector, act, ways) {
  const button = card.querySelector(selector);
  button.addEventListener("click", working(card.querySelector(".problem"), button, act, ways));
}

/** After the next sign-in the profile is shown. */
function leave() {
  history.replaceState(null, "", location.pathname);
}

function item(device, box, dialog) {
  const name = described(device.user_agent);
  const row = make("li");
  const text = make("div");
  const title = Object.assign(make("p"), { className: "device" });
  title.append(make("strong", name));
  if (device.current) title.append(Object.assign(make("span", t("this_device")), { className: "badge" }));
  text.append(title);
  const state = device.ended_at ? t("signed_out_known") : t("signed_in_at", { time: unbroken(day(new Date(device.signed_in_at))) });
  text.append(Object.assign(make("p", state), { className: "hint" }));
  const button = makeButton(t("end"), () => {});
  button.ariaLabel = t("end_device", { device: name });
  const end = working(box, button, async () => {
    dialog.querySelector("[data-device]").textContent = name;
    if (!(await ask(dialog))) return;
    await authorized("DELETE", `${DEVICES}/${device.id}`);
    if (device.current) {
      leave();
      return ended("signed_out");
    }
    say(t("device_ended", { device: name }));
    (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button").focus();
    row.remove();
  });
  button.addEventListener("click", end);
  row.append(text, button);
  return row;
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
  const found = [BROWSERS, SYSTEMS].map((names) => names[Object.keys(names).find((name) => userAgent.includes(name))]);
  return found.filter(Boolean).join(", ") || userAgent.slice(0, 40) || t("unknown_device");
}

function save(blob, name) {
  const link = Object.assign(make("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // some browsers read it a little later
}
