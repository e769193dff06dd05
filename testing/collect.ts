/** Runs a generator to its end: all its events, and what it returns. */
export async function collect<E, R>(
  events: AsyncGenerator<E, R>,
  listener: (event: E) => void = () => {},
): Promise<{ readonly events: E[]; readonly result: R }> {
  const all: E[] = []
  for (;;) {
    const { done, value } = await events.next()
    if (done) return { events: all, result: value }
    all.push(value)
    listener(value)
  }
}
