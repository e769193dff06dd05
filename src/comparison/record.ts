import type { SkippedFile } from '../data/source.ts'
import type { Device } from '../runtime/session.ts'
import type { Interval } from '../statistics/interval.ts'
import type { EasyLabelsDigests } from './easy-labels.ts'

export type { Interval, SkippedFile }

/** One point of a training curve. */
export type CurvePoint = {
  readonly epoch: number
  readonly trainingLoss: number
  readonly validationLoss: number | null
  readonly validationAccuracy: number | null
  readonly learningRate: number
}

/** What one fold (or one seed) of a strategy measured. */
export type FoldRecord = {
  readonly fold: number
  readonly accuracy: number
  readonly seconds: number
  readonly curve: readonly CurvePoint[]
}

/** A choice that a strategy made, with its numbers in one sentence. */
export type Decision = { readonly sentence: string; readonly kept: boolean }

export type StrategyRecord = {
  readonly name: string
  readonly status: 'done' | 'skipped' | 'failed'
  readonly reason: string | null
  readonly accuracy: Interval | null
  readonly seconds: number
  readonly reusedUpTo: string | null
  readonly thawedFrom: string | null
  readonly folds: readonly FoldRecord[]
  readonly decisions: readonly Decision[]
}

export type DataRecord = {
  readonly path: string
  readonly kind: string
  readonly classes: readonly string[]
  readonly labelled: number
  readonly unlabelled: number
  readonly test: number
  readonly imageSize: { readonly height: number; readonly width: number; readonly channels: number }
  readonly skipped: readonly SkippedFile[]
  readonly fingerprint: string
}

export type ClassScore = {
  readonly class: string
  /** Null where no image of the class was tested. */
  readonly recall: number | null
  /** Null where the class was never predicted. */
  readonly precision: number | null
  readonly n: number
}

/** The result of applying a model to labelled images. */
export type Evaluation = {
  readonly accuracy: number
  readonly low: number
  readonly high: number
  readonly n: number
  readonly logLoss: number
  readonly classes: readonly ClassScore[]
  /** Rows are true classes, columns predicted ones. */
  readonly confusion: readonly (readonly number[])[]
}

export type Verdict = 'better' | 'no reliable difference'

/** The network that a run reuses. */
export type BackboneRecord = {
  /** The path, the address, or `owner/name` on the hub. */
  readonly name: string
  /** What leads to the very same file again: on the hub `owner/name@commit:file.onnx`. */
  readonly spec: string
  /** The commit on the hub. */
  readonly revision: string | null
  readonly license: string | null
}

/** The SHA-256 of a tensor of the backbone, as it was read and as the model holds it: what is frozen stays the same. */
export type FrozenTensor = {
  readonly name: string
  readonly before: string
  readonly after: string
}

/** Everything that one run of `fit` found: the content of `run.json`, and all that the report draws from. */
export type RunRecord = {
  readonly format: 1
  /** A run that is not done can be resumed. */
  readonly status: 'running' | 'done'
  readonly graft: string
  readonly created: string
  /** The folder that the paths of the configuration are relative to. */
  readonly startedIn: string
  readonly configuration: Readonly<Record<string, string | number | boolean | null>>
  readonly versions: Readonly<Record<string, string>>
  /** What it was computed on; records of before there was a choice have none, and mean the CPU. */
  readonly device?: Device
  readonly data: DataRecord
  /** The SHA-256 of the backbone's file; null without a backbone. */
  readonly backboneDigest: string | null
  /** Where the backbone came from; null without one. */
  readonly backbone: BackboneRecord | null
  /** The digests of the related images and of the rule, null where there are none; records of before they could be given have none. */
  readonly easyLabels?: EasyLabelsDigests
  readonly strategies: readonly StrategyRecord[]
  readonly chosen: string | null
  readonly verdict: Verdict | null
  /** The verdict in one or two plain sentences with its numbers. */
  readonly verdictSentence: string | null
  readonly test: Evaluation | null
  /** Every tensor of the backbone that stayed frozen in the model, statistics included; null where nothing was reused. */
  readonly frozen?: readonly FrozenTensor[] | null
}
