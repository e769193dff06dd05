import { createBuilder } from '../graph/builder.ts'
import { extend } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { outputName } from '../nn/architectures.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adam } from '../nn/optimizers.ts'
import { cosine } from '../nn/schedules.ts'
import type { Random } from '../random.ts'
import type { Runtime } from '../runtime/session.ts'
import { arrayExamples } from '../training/examples.ts'
import type { Features } from '../training/features.ts'
import { compileForward, type Forward } from '../training/forward.ts'
import { type TrainingEvent, train } from '../training/loop.ts'
import { finish, type Outputs, predict } from '../training/predict.ts'
import { compileStep, type TrainingStep } from '../training/step.ts'

/** A new output layer, as weight [classes, features] and bias [classes]. */
export type Head = { readonly weight: Tensor; readonly bias: Tensor }

/** Parameter names of the head in every network that has one; no backbone has parameters of these names. */
export const headWeight = 'graft.head.weight'
export const headBias = 'graft.head.bias'
const featuresInput = 'features'

/**
 * By what centred features are divided: `each` by its own standard deviation, or all by a `common` one, the root of their mean variance. A
 * network's features lie on one scale, and those that hardly change are mostly noise, which `each` amplifies.
 */
export type Scaling = 'each' | 'common'

/** The mean of each feature over some rows, and by what it is divided. */
type Moments = { readonly mean: Float64Array; readonly deviation: Float64Array }

function moments({ data, columns }: Features, rows: readonly number[], scaling: Scaling): Moments {
  const average = (term: (value: number, column: number) => number) => {
    const sums = new Float64Array(columns)
    for (const row of rows) {
      for (let k = 0; k < columns; k++) {
        sums[k] = (sums[k] as number) + term(data[row * columns + k] as number, k)
      }
    }
    return sums.map((sum) => sum / rows.length)
  }
  const mean = average((value) => value)
  const variance = average((value, k) => (value - (mean[k] as number)) ** 2)
  if (scaling === 'common') {
    const common = Math.sqrt(variance.reduce((sum, value) => sum + value, 0) / columns)
    return { mean, deviation: variance.fill(common > 0 ? common : 1) }
  }
  const deviation = variance.map((value, k) => {
    const found = Math.sqrt(value)
    // A feature that changes by no more than float32 rounds says nothing: it is left near zero.
    return found > 1e-6 * Math.abs(mean[k] as number) ? found : 1
  })
  return { mean, deviation }
}

/** Features with zero mean, and unit variance each or on average, over the given rows. */
export function standardize(
  features: Features,
  rows: readonly number[],
  scaling: Scaling = 'each',
): Features & { readonly moments: Moments } {
  const found = moments(features, rows, scaling)
  const { columns } = features
  const data = features.data.map((value, index) => {
    const k = index % columns
    return (value - (found.mean[k] as number)) / (found.deviation[k] as number)
  })
  return { ...features, data, moments: found }
}

/** The head for raw features that equals a head for standardized ones. */
function unstandardize({ weight, bias }: Head, { mean, deviation }: Moments): Head {
  const [classes = 0, columns = 0] = weight.dims
  const scaled = new Float32Array(classes * columns)
  const shifted = Float32Array.from(bias.data as Float32Array)
  for (let c = 0; c < classes; c++) {
    let offset = 0
    for (let k = 0; k < columns; k++) {
      const value = (weight.data[c * columns + k] as number) / (deviation[k] as number)
      scaled[c * columns + k] = value
      offset += value * (mean[k] as number)
    }
    shifted[c] = (shifted[c] as number) - offset
  }
  return { weight: float32(weight.dims, scaled), bias: float32(bias.dims, shifted) }
}

/** Adds an output layer to a network that ends in features; it starts at zero, where all classes are equally likely. */
export function withHead(graph: Graph, features: number, classes: number, head?: Head): Graph {
  return extend(graph, (builder) => {
    const value = graph.outputs[0]?.name as string
    const weight = builder.parameter(
      headWeight,
      head?.weight ?? float32([classes, features], new Float32Array(classes * features)),
    )
    const bias = builder.parameter(
      headBias,
      head?.bias ?? float32([classes], new Float32Array(classes)),
    )
    const logits = builder.op('Gemm', [value, weight, bias], { transB: 1 })
    return builder.alias(builder.fresh(outputName), logits)
  })
}

/** A compiled output layer alone, on cached features. */
export type HeadTrainer = {
  fit(
    features: Features,
    labels: ArrayLike<number>,
    rows: readonly number[],
    random: Random,
  ): AsyncGenerator<TrainingEvent, Head>
  /** Logits of some rows. */
  predict(head: Head, features: Features, rows: readonly number[]): Promise<Outputs>
  release(): Promise<void>
}

/** Settings under which Adam arrives at the minimum, for tens to thousands of features. */
const steps = 250
const learningRate = 0.1
const largestBatch = 1024

/**
 * Multinomial logistic regression on standardized features, minimized by Adam along a cosine to the end. Small sets are one batch, larger
 * ones batches of about one size: every row counts the same.
 *
 * @param settings.scaling default `each`
 * @param settings.penalty the inverse of the strength C of scikit-learn: the weights cost `penalty / (2 n)` times their squares
 */
export async function createHeadTrainer(
  settings: {
    readonly features: number
    readonly classes: number
    readonly examples: number
    readonly penalty: number
    readonly scaling?: Scaling
    readonly classWeights?: readonly number[]
  },
  runtime: Runtime,
): Promise<HeadTrainer> {
  const { features, classes, examples, penalty, scaling, classWeights } = settings
  const batchSize = Math.ceil(examples / Math.ceil(examples / largestBatch))
  const builder = createBuilder('head')
  builder.output(builder.input(featuresInput, 'float32', ['N', features]))
  const graph = withHead(builder.build(), features, classes)
  const trainable = [headWeight, headBias]
  const step: TrainingStep = await compileStep(
    {
      graph,
      loss: crossEntropy(),
      inputs: { [featuresInput]: { type: 'float32', dims: [batchSize, features] } },
      trainable,
      optimizer: adam({ weightDecay: penalty / examples }),
    },
    runtime,
  )
  const forward: Forward = await compileForward(graph, trainable, runtime, { threads: 1 })
  return {
    async *fit(raw, labels, rows, random) {
      const standardized = standardize(raw, rows, scaling)
      step.reset()
      const epochs = Math.max(Math.ceil(steps / Math.ceil(rows.length / batchSize)), 10)
      const { parameters } = yield* train({
        step,
        input: featuresInput,
        examples: arrayExamples(standardized.data, [features]),
        labels,
        train: rows,
        batchSize,
        epochs,
        learningRate,
        schedule: cosine,
        random,
        ...(classWeights && { classWeights }),
      })
      const head = {
        weight: parameters.get(headWeight) as Tensor,
        bias: parameters.get(headBias) as Tensor,
      }
      return unstandardize(head, standardized.moments)
    },
    predict(head, raw, rows) {
      const parameters = new Map([
        [headWeight, head.weight],
        [headBias, head.bias],
      ])
      const examples = arrayExamples(raw.data, [features])
      return finish(predict(forward, featuresInput, examples, rows, rows.length, parameters))
    },
    async release() {
      await step.release()
      await forward.release()
    },
  }
}
