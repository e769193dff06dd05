/** One round of a side: the milliseconds of each repetition, and the CPU time that it used since its last round. */
export type Round = { readonly times: readonly number[]; readonly idle: number }

/** One of the programs that a row compares. It must not use the CPU between its rounds. */
export type Side = {
  readonly name: string
  /** Losses of the same first steps on every side: they show that all do the same work. */
  readonly losses: readonly number[]
  round(): Promise<Round>
  close(): Promise<void>
}
