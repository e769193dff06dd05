const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * Ends the process at once when it is interrupted, after some last words: whatever is on the disk is whole at any moment, so
 * nothing has to be waited for. Returns a function that takes this back.
 */
export function onInterrupt(lastWords: () => void): () => void {
  const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[]
  const end = (signal: keyof typeof exitCodes) => {
    lastWords()
    process.exit(exitCodes[signal])
  }
  for (const signal of signals) process.on(signal, end)
  return () => {
    for (const signal of signals) process.off(signal, end)
  }
}
