/** A port with one of its calls cut into; the others go through as they are. */
export function around<T extends object, K extends keyof T>(target: T, name: K, wrap: (call: T[K]) => T[K]): T {
  return new Proxy(target, {
    get(whole, asked) {
      const value = Reflect.get(whole, asked) as unknown;
      if (typeof value !== 'function') return value;
      const call = value.bind(whole);
      return asked === name ? wrap(call as T[K]) : call;
    },
  });
}
