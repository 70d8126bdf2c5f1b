/** The browser's storage for this page. Where it is blocked, values stay in memory while the page is open. */

/** For all tabs, until it is deleted. */
export const local = usable("localStorage");

/** For this tab, across reloads. */
export const tab = usable("sessionStorage");

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
