import { finish } from '../events.ts'
import { createBuilder } from '../graph/builder.ts'
import { extend } from '../graph/compose.ts'
import type { Graph } from '../graph/graph.ts'
import { float32, type Tensor } from '../graph/tensor.ts'
import { outputName } from '../nn/architectures.ts'
import { crossEntropy, softCrossEntropy, targetsInput, weightsInput } from '../nn/losses.ts'
import type { Runtime } from '../runtime/session.ts'
import { arrayExamples } from '../training/examples.ts'
import type { Features } from '../training/features.ts'
import { compileForwardBeside } from '../training/forward.ts'
import { minimize } from '../training/minimize.ts'
import { compileObjective } from '../training/objective.ts'
import { type Outputs, predict } from '../training/predict.ts'
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

/** Features that output layers are fitted to: standardized, with the class and the weight of every row. */
export type Prepared = {
  readonly moments: Moments
  /** What the objective is fed, in blocks of rows. */
  readonly blocks: readonly Block[]
  /** The sum of the weights of all rows. */
  readonly weight: number
}

type Block = { readonly feeds: Readonly<Record<string, Tensor>>; readonly weight: number }

/** An output layer alone on cached features, compiled once for any number of fits. */
export type HeadTrainer = {
  /**
   * Standardizes some rows over themselves.
   *
   * @param targets of all rows of the features: the class of each, or where the trainer takes probabilities those of each class, [rows, classes]
   */
  prepare(
    features: Features,
    targets: ArrayLike<number>,
    rows: readonly number[],
    scaling?: Scaling,
  ): Prepared
  /**
   * Multinomial logistic regression, without randomness: the minimum of the loss summed over the rows and `penalty / 2` times the squared weights.
   *
   * @param penalty the inverse of the strength C of scikit-learn
   * @param keep the share of the features that is used, as in Head2Toe (Evci et al., 2022): those whose weights are largest in a
   * first fit to all of them (by the norm over the classes, on standardized features); the others get weight 0 in a second fit. Default 1
   */
  fit(prepared: Prepared, penalty: number, keep?: number): Promise<Head>
  /** Logits of some rows. */
  predict(head: Head, features: Features, rows: readonly number[]): Promise<Outputs>
  release(): Promise<void>
}

/** How targets of some rows are fed in blocks, which rows of weight 0 fill up. */
const targetKinds = {
  classes: {
    loss: crossEntropy(),
    tensor(labels: ArrayLike<number>, rows: readonly number[], size: number): Tensor {
      const data = new BigInt64Array(size)
      for (const [i, row] of rows.entries()) data[i] = BigInt(labels[row] as number)
      return { type: 'int64', dims: [size], data }
    },
    weights: (labels: ArrayLike<number>, rows: readonly number[], ofClass?: readonly number[]) =>
      rows.map((row) => ofClass?.[labels[row] as number] ?? 1),
  },
  probabilities: {
    loss: softCrossEntropy,
    tensor(
      answers: ArrayLike<number>,
      rows: readonly number[],
      size: number,
      classes: number,
    ): Tensor {
      const data = new Float32Array(size * classes)
      for (const [i, row] of rows.entries()) {
        for (let c = 0; c < classes; c++)
          data[i * classes + c] = answers[row * classes + c] as number
      }
      return float32([size, classes], data)
    },
    weights: (_: ArrayLike<number>, rows: readonly number[]) => rows.map(() => 1),
  },
} as const

/** The rows that are looked at in one call: more are cut into blocks of about one size. */
const largestBlock = 4096

/**
 * Compiles the loss of an output layer and its gradient.
 *
 * @param settings.widths the columns of each depth where features of several lie side by side; default all are of one
 * @param settings.examples about as many rows as fits will have
 * @param settings.classWeights a factor on the loss of each class; default 1; where targets are classes
 * @param settings.targets what it learns from: `classes`, or the `probabilities` of all classes; default `classes`
 */
export async function createHeadTrainer(
  settings: {
    readonly features: number
    readonly classes: number
    readonly examples: number
    readonly widths?: readonly number[]
    readonly classWeights?: readonly number[]
    readonly targets?: keyof typeof targetKinds
  },
  runtime: Runtime,
): Promise<HeadTrainer> {
  const { features, classes, examples, widths, classWeights } = settings
  const kind = targetKinds[settings.targets ?? 'classes']
  const blockSize = Math.ceil(examples / Math.ceil(examples / largestBlock))
  const builder = createBuilder('head')
  builder.output(builder.input(featuresInput, 'float32', ['N', features]))
  const graph = withHead(builder.build(), features, classes)
  const parameters = [headWeight, headBias]
  const objective = await compileObjective(
    {
      graph,
      loss: kind.loss,
      inputs: { [featuresInput]: { type: 'float32', dims: [blockSize, features] } },
    },
    parameters,
    runtime,
    { threads: 1 },
  )
  const forward = await compileForwardBeside(objective, graph, parameters, runtime, { threads: 1 })
  const weights = classes * features

  const minimum = async (
    { blocks, weight: total }: Prepared,
    penalty: number,
    isKept: (column: number) => boolean,
  ): Promise<Head> => {
    const values = { weight: new Float32Array(weights), bias: new Float32Array(classes) }
    const head = {
      weight: float32([classes, features], values.weight),
      bias: float32([classes], values.bias),
    }
    const found = await minimize(
      async (point) => {
        values.weight.set(point.subarray(0, weights))
        values.bias.set(point.subarray(weights))
        let value = 0
        const gradient = new Float64Array(point.length)
        for (const { feeds, weight } of blocks) {
          const { loss, gradients } = await objective.run(feeds, parametersOf(head))
          const share = weight / total
          value += share * loss
          let offset = 0
          for (const { data } of gradients) {
            for (let i = 0; i < data.length; i++) {
              gradient[offset + i] = (gradient[offset + i] as number) + share * Number(data[i])
            }
            offset += data.length
          }
        }
        for (let i = 0; i < weights; i++) {
          const w = point[i] as number
          value += (0.5 * penalty * w * w) / total
          gradient[i] = isKept(i % features) ? (gradient[i] as number) + (penalty * w) / total : 0
        }
        return { value, gradient }
      },
      new Float64Array(weights + classes),
    )
    values.weight.set(found.point.subarray(0, weights))
    values.bias.set(found.point.subarray(weights))
    return head
  }

  return {
    prepare(raw, targets, rows, scaling) {
      const { data, moments } = standardize(raw, rows, scaling, widths)
      const blocks: Block[] = []
      for (let start = 0; start < rows.length; start += blockSize) {
        const values = new Float32Array(blockSize * features)
        const own = rows.slice(start, start + blockSize)
        values.set(data.subarray(start * features, (start + own.length) * features))
        const weights = new Float32Array(blockSize)
        weights.set(kind.weights(targets, own, classWeights))
        const feeds = {
          [featuresInput]: float32([blockSize, features], values),
          [targetsInput]: kind.tensor(targets, own, blockSize, classes),
          [weightsInput]: float32([blockSize], weights),
        } as const
        const weight = weights.reduce((sum, factor) => sum + factor, 0)
        blocks.push({ feeds, weight })
      }
      return { moments, blocks, weight: blocks.reduce((sum, block) => sum + block.weight, 0) }
    },
    async fit(prepared, penalty, keep = 1) {
      let head = await minimum(prepared, penalty, () => true)
      if (keep < 1) {
        const chosen = largestWeights(head, Math.max(Math.round(keep * features), 1))
        head = await minimum(prepared, penalty, (column) => chosen.has(column))
      }
      return unstandardize(head, prepared.moments)
    },
    predict(head, raw, rows) {
      const examples = arrayExamples(raw.data, [features])
      return finish(
        predict(
          forward,
          featuresInput,
          examples,
          rows,
          Math.min(rows.length, largestBlock),
          parametersOf(head),
        ),
      )
    },
    async release() {
      await objective.release()
      await forward.release()
    },
  }
}
