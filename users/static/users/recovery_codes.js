// Copy and print recovery codes. Without this script, they can be selected.
const codes = document.getElementById("recovery-codes").textContent;
const copy = document.getElementById("copy");
const print = document.getElementById("print");

copy.hidden = !navigator.clipboard; // browsers offer it on secure pages only
print.hidden = false;
copy.addEventListener("click", async () => {
  await navigator.clipboard.writeText(codes);
  copy.textContent = copy.dataset.done;
});
print.addEventListener("click", () => window.print());
