import { createRequire } from 'node:module';

const replaced = new Set<string>();

/**
 * Puts a method in the place of one of a class of kafkajs, once in a process however often it is called. Throws a `TypeError` where
 * this release of kafkajs has no such method.
 *
 * @param path The file of the class, below src/ of kafkajs.
 */
export function replaceMethod<T, M extends keyof T & string>(
  path: string,
  method: M,
  replacement: (original: T[M]) => T[M],
): void {
  const name = `${path} ${method}`;
  if (replaced.has(name)) return;
  const { prototype } = createRequire(import.meta.url)(`kafkajs/src/${path}`) as { prototype: T };
  if (typeof prototype[method] !== 'function')
    throw new TypeError('This release of kafkajs is built otherwise.');
  prototype[method] = replacement(prototype[method]);
  replaced.add(name);
}
