/** Where the tokens are kept: `localStorage`, or an app's secure storage, whose methods may return promises. */
export interface Store {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** A store that lasts as long as the process or the page. */
export function memory(): Store {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
}

/** Runs one function at a time in this client and, where there are Web Locks, in all tabs of the origin. */
export function exclusive(name: string): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  const alone = async <T>(work: () => Promise<T>): Promise<T> =>
    globalThis.navigator?.locks ? await navigator.locks.request(name, work) : work();
  return (work) => {
    const done = last.then(() => alone(work));
    last = done.catch(() => undefined);
    return done;
  };
}
