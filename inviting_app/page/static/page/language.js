/** The button for the other language. Pages without other scripts use it too. */

const other = document.querySelector("[data-language]");

/** Remembers the language, as Django's LocaleMiddleware reads it, and shows the page in it. */
other.addEventListener("click", () => {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `django_language=${other.dataset.language}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  location.reload();
});
