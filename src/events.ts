/**
 * What a generator yields, changed or, where that is null, left out; and what it returns. Whoever stops listening ends it too, so that it lets go of its files and sessions.
 */
export async function* mapEvents<T, U, R>(
  events: AsyncGenerator<T, R>,
  change: (event: T) => U | null,
): AsyncGenerator<U, R> {
  try {
    for (;;) {
      const { done, value } = await events.next()
      if (done) return value
      const changed = change(value)
      if (changed !== null) yield changed
    }
  } finally {
    await events.return(undefined as R)
  }
}

/** What a generator yields and returns; something is released where it fails, or nobody listens to its end. */
export async function* orRelease<T, R>(
  held: { release?(): Promise<void> },
  events: AsyncGenerator<T, R>,
): AsyncGenerator<T, R> {
  let isDone = false
  try {
    const value = yield* events
    isDone = true
    return value
  } finally {
    if (!isDone) await held.release?.()
  }
}

/** Lets a generator run and returns what it returns. */
export async function finish<R>(steps: AsyncGenerator<unknown, R>): Promise<R> {
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value
  }
}
