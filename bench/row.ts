import type { Pytorch } from './pytorch.ts'

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

/** What may be needed to open a row. */
export type Place = {
  /** A temporary folder. */
  readonly folder: string
  /** The threads that both sides may use. */
  readonly threads: number
  /** Null where it is not installed. */
  readonly pytorch: Pytorch | null
}

export type Opened = {
  readonly ours: Side
  /** The fastest of them counts. */
  readonly others: readonly Side[]
  /** Floating-point operations of one repetition, where they are known. */
  readonly flops?: number
  /** How far, relatively, losses may lie apart; default 0.001. */
  readonly tolerance?: number
  readonly note?: string
}

/** Why a row cannot be measured here, and what to do. */
export type Missing = { readonly missing: string }

/** The most that ours may take: in milliseconds, or as a multiple of the fastest other side. */
export type Limit = { readonly ms: number } | { readonly ratio: number }

/** A row of the table of measurements. */
export type Row = {
  readonly name: string
  /** What one repetition is, in a few words. */
  readonly what: string
  /** Null: only for the record. */
  readonly limit: Limit | null
  /** Default 9, after one to warm up. */
  readonly rounds?: number
  open(place: Place): Promise<Opened | Missing>
}
