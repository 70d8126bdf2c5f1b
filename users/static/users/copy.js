// Copy what is shown once, and print it. Without this script, it can be selected.
for (const copy of document.querySelectorAll("button[data-copy]")) {
  copy.hidden = !navigator.clipboard; // browsers offer it on secure pages only
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.querySelector(copy.dataset.copy).textContent);
    copy.textContent = copy.dataset.done;
  });
}
for (const print of document.querySelectorAll("button[data-print]")) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}
