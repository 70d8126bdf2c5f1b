/** The browser's storage for this page. Where it is blocked, values stay in memory while the page is open. */

/** For all tabs, until it is deleted. */
export const local = usable("localStorage");

/** For this tab, across reloads. */
export const tab = usable("sessionStorage");

/** The name in `tab`, until the next view, of: somebody else requested the code of this sign-in. */
export const OTHERS = "requested_by_others";

/** The same of: the user has signed in again, to erase the account or to change the number. */
export const RETURNED = "signed_in_again";

/** The same of: the number was changed. */
export const CHANGED = "phone_changed";

/** Whether this name is in `tab`. It is told once. */
export function take(name) {
  const found = tab.getItem(name) !== null;
  tab.removeItem(name);
  return found;
}

function usable(name) {
  try {
    const storage = window[name]; // throws where cookies are blocked
    storage.setItem("?", "");
    storage.removeItem("?");
    return storage;
  } catch {
    return inMemory();
  }
}

function inMemory() {
  const values = new Map();
  return {
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => values.set(name, value),
    removeItem: (name) => values.delete(name),
  };
}
