/** Buttons that copy a text. */

import { make, say } from "./elements.js";
import { t } from "./i18n.js";

// Gives the button that was pressed last its own words back.
let restore = () => {};

export function copyOnClick(button, text) {
  const words = [...button.childNodes];
  button.addEventListener("click", async () => {
    await toClipboard(text);
    restore(); // the clipboard holds the last text only
    say(t("copied"));
    button.textContent = t("copied");
    const timer = setTimeout(() => restore(), 2000);
    restore = () => {
      clearTimeout(timer);
      button.replaceChildren(...words);
    };
  });
}

/** Browsers have a clipboard only on secure origins and may refuse it. Selected text can be copied everywhere. */
async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", text);
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
