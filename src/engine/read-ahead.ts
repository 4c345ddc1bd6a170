/**
 * The items of a source, the next one asked for while the one before is being used: a store reads while this process
 * computes. At most one item waits.
 */
export async function* readAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let next = ask(iterator);
  try {
    for (;;) {
      const { value, done } = await next;
      if (done === true) return;
      next = ask(iterator);
      yield value;
    }
  } finally {
    // A consumer that stops early leaves nothing running.
    await next.catch(() => {});
    await iterator.return?.();
  }
}

/** A failure is reported where it is awaited; until then it must not count as unhandled. */
function ask<T>(iterator: AsyncIterator<T>): Promise<IteratorResult<T>> {
  const asked = iterator.next();
  asked.catch(() => {});
  return asked;
}
