import type { CurvePoint } from '../comparison/record.ts'
import type { PairedComparison } from '../statistics/paired.ts'
import type { SampleImage } from './images.ts'

/** What one network of one seed reached on the test images, and how it learned. */
export type DemoResult = { readonly accuracy: number; readonly curve: readonly CurvePoint[] }

/** One seed: the same labels learned from scratch and grafted on a network that knows other classes. */
export type DemoSeed = {
  readonly seed: number
  readonly scratch: DemoResult
  readonly grafted: DemoResult
  /** Accuracy of the source network on its own classes. */
  readonly sourceAccuracy: number
}

export type DemoInput = {
  readonly title: string
  /** The two classes that are told apart. */
  readonly classes: readonly [string, string]
  /** Labelled images of the two classes together. */
  readonly labels: number
  readonly seeds: readonly DemoSeed[]
  /** Grafted minus scratch, over the seeds. */
  readonly comparison: PairedComparison
  /** Grey images of 28 x 28 pixels. */
  readonly sampleImages: readonly SampleImage[]
  /** Of the whole experiment. */
  readonly seconds: number
  readonly dataSource: { readonly name: string; readonly licence: string; readonly url: string }
}
