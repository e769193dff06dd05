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
import { type Moments, type Scaling, standardize } from './standardize.ts'

/** A new output layer, as weight [classes, features] and bias [classes]. */
export type Head = { readonly weight: Tensor; readonly bias: Tensor }

/** Parameter names of the head in every network that has one; no backbone has parameters of these names. */
export const headWeight = 'graft.head.weight'
export const headBias = 'graft.head.bias'
const featuresInput = 'features'

/** A head as parameters by name. */
export function parametersOf({ weight, bias }: Head): ReadonlyMap<string, Tensor> {
  return new Map([
    [headWeight, weight],
    [headBias, bias],
  ])
}

/** The columns whose weights have the largest norm over the classes. */
function largestWeights({ weight }: Head, count: number): ReadonlySet<number> {
  const [classes = 0, columns = 0] = weight.dims
  const squares = Array.from({ length: columns }, (_, k) => {
    let sum = 0
    for (let c = 0; c < classes; c++) sum += (weight.data[c * columns + k] as number) ** 2
    return sum
  })
  const order = squares
    .map((_, k) => k)
    .sort((a, b) => (squares[b] as number) - (squares[a] as number))
  return new Set(order.slice(0, count))
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
 * @param settings.widths the columns of each depth where features of several lie side by side; default all are of one
 * @param settings.penalty the inverse of the strength C of scikit-learn: the weights cost `penalty / (2 n)` times their squares
 * @param settings.keep the share of the features that is used, as in Head2Toe (Evci et al., 2022): those whose weights are largest in a
 * first fit to all of them (by the norm over the classes, on standardized features); the others get weight 0 in a second fit. Default 1
 */
export async function createHeadTrainer(
  settings: {
    readonly features: number
    readonly classes: number
    readonly examples: number
    readonly penalty: number
    readonly scaling?: Scaling
    readonly widths?: readonly number[]
    readonly keep?: number
    readonly classWeights?: readonly number[]
  },
  runtime: Runtime,
): Promise<HeadTrainer> {
  const { features, classes, examples, penalty, scaling, widths, keep = 1, classWeights } = settings
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
      const standardized = standardize(raw, rows, scaling, widths)
      const epochs = Math.max(Math.ceil(steps / Math.ceil(rows.length / batchSize)), 10)
      const fitted = async function* (data: Float32Array) {
        step.reset()
        const { parameters } = yield* train({
          step,
          input: featuresInput,
          examples: arrayExamples(data, [features]),
          labels,
          train: rows,
          batchSize,
          epochs,
          learningRate,
          schedule: cosine,
          random,
          ...(classWeights && { classWeights }),
        })
        return {
          weight: parameters.get(headWeight) as Tensor,
          bias: parameters.get(headBias) as Tensor,
        }
      }
      let head: Head = yield* fitted(standardized.data)
      if (keep < 1) {
        const chosen = largestWeights(head, Math.max(Math.round(keep * features), 1))
        // A feature that is always zero has no gradient: its weight stays zero.
        const masked = standardized.data.map((value, i) => (chosen.has(i % features) ? value : 0))
        head = yield* fitted(masked)
      }
      return unstandardize(head, standardized.moments)
    },
    predict(head, raw, rows) {
      const examples = arrayExamples(raw.data, [features])
      return finish(
        predict(forward, featuresInput, examples, rows, rows.length, parametersOf(head)),
      )
    },
    async release() {
      await step.release()
      await forward.release()
    },
  }
}
