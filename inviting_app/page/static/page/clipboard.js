/** Buttons that copy a text. */

import { make, say } from "./elements.js";
import { t } from "./i18n.js";

export function copyOnClick(button, text) {
  const words = [...button.childNodes];
  let timer;
  button.addEventListener("click", async () => {
    await toClipboard(text);
    say(t("copied"));
    button.textContent = t("copied");
    clearTimeout(timer);
    timer = setTimeout(() => button.replaceChildren(...words), 2000);
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
