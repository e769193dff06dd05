import type { AugmentationRecipe } from '../data/augment.ts'
import type { Images } from '../data/pixels.ts'
import { countMultiplyAdds } from '../graph/cost.ts'
import type { Graph } from '../graph/graph.ts'
import { crossEntropy } from '../nn/losses.ts'
import { adamw } from '../nn/optimizers.ts'
import { cosine, warmUp } from '../nn/schedules.ts'
import { inferTypes } from '../runtime/types.ts'
import { mean } from '../statistics/summaries.ts'
import { balancedWeights } from '../training/class-weights.ts'
import { imageExamples } from '../training/examples.ts'
import { computeFeatures, type Features } from '../training/features.ts'
import { compileForward, withParameters } from '../training/forward.ts'
import { scoreOf, train, trainableParameters } from '../training/loop.ts'
import { type Normalization, pixelsInput, takePixels } from '../training/normalization.ts'
import { softmax } from '../training/predict.ts'
import { compileStep } from '../training/step.ts'
import {
  affordableEpochs,
  asProgress,
  type FoldResult,
  inPhase,
  remember,
  type Strategy,
  type StrategyEvent,
  type Task,
} from '../training/task.ts'
import { type Backbone, cutBackbone } from './backbone.ts'
import { chooseNormalization } from './choose-normalization.ts'
import { createHeadTrainer, type Head, headBias, headWeight, withHead } from './head.ts'

export type TransferOptions = {
  /** The network to reuse; null where there is none. */
  readonly backbone: { readonly name: string; readonly graph: Graph } | null
  /** The normalization where the user gives it. */
  readonly normalization: Normalization | null
}

const batchSize = 32
const learningRate = 3e-4

/** Inverse strengths of regularization that the folds choose from; 10 is scikit-learn's C = 0.1. */
const penalties = [1, 10, 100] as const

const augmentation: AugmentationRecipe = {
  crop: 0.6,
  flip: true,
  shift: 0,
  brightness: 0.1,
  contrast: 0.1,
  saturation: 0,
}

/**
 * Reuses a network: a new output layer on its frozen features, computed once; then the same with all layers thawed at a low rate, starting
 * from that output layer (LP-FT; Kumar et al., 2022). The folds decide which of the two is kept.
 */
export function transfer({ backbone: given, normalization: fixed }: TransferOptions): Strategy {
  return {
    name: 'transfer',
    unavailable: given ? null : 'no backbone was given: name one with --backbone FILE.onnx',
    async *run(task) {
      const { graph: model, name } = given as NonNullable<typeof given>
      const backbone = await cutBackbone(model, task.runtime)
      const { image } = backbone
      const images = yield* task.images(image)
      const normalization =
        fixed ?? (yield* chooseNormalization(backbone, model.metadata, images, task))
      const network = takePixels(backbone.graph, image, normalization)
      const features = yield* asProgress(
        'transfer, features',
        computeFeatures(network, imageExamples(images), task.runtime),
      )
      const probe = yield* probeFolds(task, backbone, features)
      const tuned = yield* tuneFolds(task, backbone, network, images, probe.heads)

      const difference = tuned.accuracy - probe.accuracy
      const better = difference > 0
      const sentence =
        `thawed all layers at ${learningRate} for ${tuned.epochs} epochs: ` +
        `${probe.accuracy.toFixed(3)} -> ${tuned.accuracy.toFixed(3)}, ` +
        `${difference >= 0 ? '+' : ''}${(100 * difference).toFixed(1)} points: ${better ? 'kept' : 'taken back'}`
      yield { type: 'decision', sentence, kept: better }
      const provenance = {
        strategy: 'transfer',
        backbone: name,
        cut: backbone.cut,
        normalization: normalization.name,
      }
      return {
        folds: better ? tuned.folds : probe.folds,
        reusedUpTo: backbone.cut,
        thawedFrom: better ? image.input : null,
        async *train() {
          const all = Array.from(task.labels, (_, index) => index)
          const head = yield* fitHead(
            task,
            backbone,
            features,
            all,
            probe.penalty,
            'transfer, all labels',
          )
          const { height, width, channels } = image
          const size = { height, width, channels }
          if (!better) {
            const graph = withHead(network, backbone.features, task.classes.length, head)
            return { graph, size, provenance: { ...provenance, thawed: 'nothing' } }
          }
          const trainer = await createTuner(task, backbone, network, images, tuned.epochs)
          try {
            const random = task.random.fork('transfer')
            const { graph } = yield* trainer.fit('transfer, all labels', head, all, [], random)
            return { graph, size, provenance: { ...provenance, thawed: 'everything' } }
          } finally {
            await trainer.release()
          }
        },
      }
    },
  }
}

async function* fitHead(
  task: Task,
  backbone: Backbone,
  features: Features,
  rows: readonly number[],
  penalty: number,
  phase: string,
): AsyncGenerator<StrategyEvent, Head> {
  const trainer = await createHeadTrainer(
    headSettings(task, backbone, rows.length, penalty),
    task.runtime,
  )
  try {
    return yield* inPhase(phase, trainer.fit(features, task.labels, rows, task.random.fork('head')))
  } finally {
    await trainer.release()
  }
}

function headSettings(task: Task, backbone: Backbone, examples: number, penalty: number) {
  const classes = task.classes.length
  return {
    features: backbone.features,
    classes,
    examples,
    penalty,
    classWeights: balancedWeights(task.labels, classes),
  }
}

type Probe = {
  readonly penalty: number
  readonly accuracy: number
  readonly folds: readonly FoldResult[]
  readonly heads: readonly Head[]
}

/** Trains an output layer on frozen features in every fold, for each strength of regularization, and keeps the best strength. */
async function* probeFolds(
  task: Task,
  backbone: Backbone,
  features: Features,
): AsyncGenerator<StrategyEvent, Probe> {
  const probes: (Probe & { readonly loss: number })[] = []
  const examples = Math.max(...task.folds.map(({ train }) => train.length))
  for (const penalty of penalties) {
    const trainer = await createHeadTrainer(
      headSettings(task, backbone, examples, penalty),
      task.runtime,
    )
    const folds: FoldResult[] = []
    const heads: Head[] = []
    const losses: number[] = []
    for (const [index, { train: rows, validation }] of task.folds.entries()) {
      const start = performance.now()
      const phase = `transfer, head, fold ${index + 1} of ${task.folds.length}`
      const random = task.random.fork(`head ${penalty} fold ${index}`)
      const head = yield* inPhase(phase, trainer.fit(features, task.labels, rows, random))
      const outputs = await trainer.predict(head, features, validation)
      const { accuracy, loss } = scoreOf(
        softmax(outputs),
        validation.map((row) => task.labels[row] as number),
      )
      heads.push(head)
      losses.push(loss)
      const seconds = (performance.now() - start) / 1000
      folds.push({ fold: index, accuracy, seconds, curve: [] })
    }
    await trainer.release()
    probes.push({
      penalty,
      accuracy: mean(folds.map((fold) => fold.accuracy)),
      folds,
      heads,
      loss: mean(losses),
    })
  }
  const best = probes.reduce((a, b) => (b.loss < a.loss ? b : a))
  yield {
    type: 'decision',
    sentence: `new output layer on frozen features, penalty ${best.penalty}: ${best.accuracy.toFixed(3)}`,
    kept: true,
  }
  return best
}

/** Thaws everything and trains on from each fold's output layer. */
async function* tuneFolds(
  task: Task,
  backbone: Backbone,
  network: Graph,
  images: Images,
  heads: readonly Head[],
): AsyncGenerator<
  StrategyEvent,
  { readonly accuracy: number; readonly epochs: number; readonly folds: readonly FoldResult[] }
> {
  const epochs = await tuningEpochs(task, network)
  const trainer = await createTuner(task, backbone, network, images, epochs)
  try {
    const folds: FoldResult[] = []
    for (const [index, fold] of task.folds.entries()) {
      const phase = `transfer, thawed, fold ${index + 1} of ${task.folds.length}`
      folds.push(
        yield* remember(
          task.checkpoints,
          `transfer-thawed-fold-${index}`,
          async function* (): AsyncGenerator<StrategyEvent, FoldResult> {
            const start = performance.now()
            const random = task.random.fork(`thawed fold ${index}`)
            const head = heads[index] as Head
            const { curve } = yield* trainer.fit(phase, head, fold.train, fold.validation, random)
            const seconds = (performance.now() - start) / 1000
            return { fold: index, accuracy: curve.at(-1)?.validationAccuracy ?? 0, seconds, curve }
          },
        ),
      )
    }
    return { accuracy: mean(folds.map(({ accuracy }) => accuracy)), epochs, folds }
  } finally {
    await trainer.release()
  }
}

async function tuningEpochs(task: Task, network: Graph): Promise<number> {
  const input = network.inputs[0]?.dims.slice(1) as number[]
  const pixels = { [pixelsInput]: { type: 'uint8', dims: [1, ...input] } } as const
  const { types } = await inferTypes(network, pixels, task.runtime)
  return affordableEpochs(
    task,
    {
      perImage: countMultiplyAdds(network, types),
      images: task.labels.length,
      runs: task.folds.length + 1,
    },
    { least: 3, most: 20 },
  )
}

/** A compiled training step for the whole network, used again for every fold. */
async function createTuner(
  task: Task,
  backbone: Backbone,
  network: Graph,
  images: Images,
  epochs: number,
) {
  const classes = task.classes.length
  const graph = withHead(network, backbone.features, classes)
  const trainable = trainableParameters(graph)
  const { height, width, channels } = backbone.image
  const step = await compileStep(
    {
      graph,
      loss: crossEntropy({ smoothing: 0.1 }),
      inputs: { [pixelsInput]: { type: 'uint8', dims: [batchSize, height, width, channels] } },
      trainable,
      optimizer: adamw({ weightDecay: 0.01 }),
      clipNorm: 5,
    },
    task.runtime,
  )
  const forward = await compileForward(graph, trainable, task.runtime)
  const examples = imageExamples(images, augmentation)
  return {
    async *fit(
      phase: string,
      head: Head,
      rows: readonly number[],
      validation: readonly number[],
      random: Task['random'],
    ) {
      step.reset(
        new Map([
          [headWeight, head.weight],
          [headBias, head.bias],
        ]),
      )
      const steps = Math.ceil(rows.length / batchSize)
      const { parameters, curve } = yield* inPhase(
        phase,
        train({
          step,
          input: pixelsInput,
          examples,
          labels: task.labels,
          train: rows,
          batchSize,
          epochs,
          learningRate,
          schedule: warmUp(steps, cosine),
          classWeights: balancedWeights(task.labels, classes),
          random,
          validation: { indices: validation, forward },
        }),
      )
      return { graph: withParameters(graph, parameters), curve }
    },
    async release() {
      await step.release()
      await forward.release()
    },
  }
}
