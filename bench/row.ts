import type { Pytorch } from './pytorch.ts'
import type { Side } from './side.ts'

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

export type Unit = 'ms' | 'MiB'

/** The most that ours may take: in milliseconds, or as a multiple of the fastest other side. */
export type Limit = { readonly ms: number } | { readonly ratio: number }

/** A row of the table of measurements. */
export type Row = {
  readonly name: string
  /** What one repetition is, in a few words. */
  readonly what: string
  /** Null: only for the record. */
  readonly limit: Limit | null
  /** What is measured; default `ms`. */
  readonly unit?: Unit
  /** Default 9. */
  readonly rounds?: number
  /** Whether a round comes before those that count; default yes. */
  readonly warmUp?: boolean
  open(place: Place): Promise<Opened | Missing>
}
