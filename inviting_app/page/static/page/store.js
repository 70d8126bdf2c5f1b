/** What the browser keeps for this page; where it forbids that, it is kept in memory while the page is open. */

/** For all tabs, until it is forgotten. */
export const local = usable("localStorage");

/** For this tab, over a reload. */
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
