import { exposeBatchStatistics } from '../autodiff/batch-statistics.ts'
import { differentiate } from '../autodiff/differentiate.ts'
import { lower } from '../autodiff/lowering/index.ts'
import { mergeNodes } from '../autodiff/merge-nodes.ts'
import { swapReluPooling } from '../autodiff/swap-relu-pooling.ts'
import { exposeTrainedConvolutions } from '../autodiff/trained-convolutions.ts'
import { GraftError } from '../errors.ts'
import { createBuilder, type GraphBuilder } from '../graph/builder.ts'
import { countMultiplyAdds } from '../graph/cost.ts'
import { type Graph, type Node, pruneTo } from '../graph/graph.ts'
import {
  elementTypes,
  float32,
  sizeOf,
  type Tensor,
  type TensorType,
  type TypedArray,
  zeros,
} from '../graph/tensor.ts'
import { type Loss, targetsInput, weightsInput } from '../nn/losses.ts'
import type { Random } from '../random.ts'
import { type LoweringName, loweredBlock } from '../runtime/lowering.ts'
import type { Runtime, Session } from '../runtime/session.ts'
import { inferTypes } from '../runtime/types.ts'
import { type DropoutMask, drawMask, feedDropout } from './dropout.ts'
import { afterSteps, beforeSteps, countInput, ofEveryStep, severalSteps } from './several-steps.ts'
import {
  type Carried,
  learningRateInput,
  stepInput,
  type Trainable,
  type UpdateOptions,
  writeUpdate,
} from './update.ts'

export type StepOptions = UpdateOptions & {
  /** The network; its first output is what the loss sees. */
  readonly graph: Graph
  readonly loss: Loss
  /** The type of every input of the network at the batch size. */
  readonly inputs: Readonly<Record<string, TensorType>>
  /** The parameters to train; all others are frozen, that is, constants of the compiled step. */
  readonly trainable: readonly string[]
  /** Whether batch normalization uses the statistics of the batch and keeps running ones; default no: they are frozen too. */
  readonly batchStatistics?: boolean
  /** Default: `auto`. */
  readonly lowering?: LoweringName
}

export type StepResult = { readonly loss: number; readonly gradientNorm: number }

/** What one step is made on. */
export type StepBatch = {
  /** The network's inputs, and `targetsInput` and `weightsInput` of its loss. */
  readonly feeds: Readonly<Record<string, Tensor>>
  readonly learningRate: number
}

/** A compiled training step with the parameters and optimizer state that it carries from run to run. */
export type TrainingStep = {
  /** The most steps that one call of `runAll` makes. */
  readonly capacity: number
  /**
   * One step after the other: forward, loss, backward, update.
   *
   * @param batches at most `capacity`; each is copied before the next is asked for
   * @param random draws the dropout masks
   */
  runAll(batches: Iterable<StepBatch>, random: Random): Promise<readonly StepResult[]>
  /** A single step; several in one call take less time each. */
  run(
    feeds: StepBatch['feeds'],
    settings: { readonly learningRate: number; readonly random: Random },
  ): Promise<StepResult>
  /** Copies of the trained parameters and running statistics, by name, in their own dimensions. */
  parameters(): Map<string, Tensor>
  /** Copies of all that the step carries, for a checkpoint. */
  state(): Map<string, Tensor>
  /** Takes up a state that `state` returned. */
  restore(state: ReadonlyMap<string, Tensor>): void
  /** Starts anew: from these parameters, or from those of the network where one is not given, with fresh optimizer state. */
  reset(parameters?: ReadonlyMap<string, Tensor>): void
  release(): Promise<void>
}

/**
 * Compiles forward pass, loss, backward pass and parameter update into one session.
 *
 * @throws GraftError `bad-input` for an unknown parameter, `unsupported` where an operator on the way has no gradient
 */
export async function compileStep(options: StepOptions, runtime: Runtime): Promise<TrainingStep> {
  const written = await writeStep(options, runtime)
  const capacity = capacityOf(written)
  const { graph, carried, loss, gradientNorm, multiplyAdds } = written
  const session = await runtime.createSession(
    severalSteps(graph, carried, [loss, gradientNorm], capacity),
    multiplyAdds < smallStep ? { threads: 1 } : {},
  )
  return createStep(written, options.graph, session, capacity)
}

/** Multiply-adds of a forward pass below which a second thread costs more than it brings. */
const smallStep = 2e7

/**
 * As many steps in a call as take about a second, so that whoever waits is heard in between, and as fit their inputs into 16 MB. A step
 * is taken for three forward passes at 50e9 multiply-adds a second.
 */
function capacityOf({ graph, carried, multiplyAdds }: WrittenStep): number {
  const states = new Set(carried.map(({ input }) => input))
  const fed = graph.inputs.filter(({ name }) => !states.has(name))
  const bytes = fed.reduce(
    (sum, { type, dims }) =>
      sum + sizeOf(dims as number[]) * elementTypes[type].array.BYTES_PER_ELEMENT,
    0,
  )
  const fits = Math.min(50e9 / (3 * multiplyAdds), 2 ** 24 / bytes, 16)
  return Math.max(1, Math.floor(fits))
}

type WrittenStep = {
  readonly graph: Graph
  /** Of the forward pass. */
  readonly multiplyAdds: number
  readonly loss: string
  readonly gradientNorm: string
  readonly carried: readonly Carried[]
  readonly masks: readonly DropoutMask[]
}

/** The training step as a graph. */
export async function writeStep(options: StepOptions, runtime: Runtime): Promise<WrittenStep> {
  const { graph, trainable } = options
  for (const name of trainable) {
    if (!graph.initializers.has(name)) {
      throw new GraftError('bad-input', `the network has no parameter "${name}"`)
    }
  }
  const withLoss = await attachLoss(options, runtime)
  const typed = await inferTypes(withLoss.graph, withLoss.inputs, runtime)
  const swapped = swapReluPooling(mergeNodes(typed.graph), typed.types)
  const { graph: masked, masks } = feedDropout(swapped.graph, swapped.types)
  const mode = options.batchStatistics ? withBatchStatistics(masked) : masked
  const { graph: forward, types, statistics } = exposeBatchStatistics(mode, swapped.types)

  const seeded = createBuilder(forward.name, forward)
  const seeds = new Map([[withLoss.loss, seeded.scalar(1)]])
  const derivatives = differentiate(seeded.build(), types, seeds, trainable)
  const { graph: backward, gradients } = derivatives

  const builder = createBuilder(backward.name, backward)
  const flat = (value: string, size: number) =>
    builder.op('Reshape', [value, builder.int64s([size])])
  const parameters = trainable.map((name): Trainable => {
    const dims = (graph.initializers.get(name) as Tensor).dims
    const size = sizeOf(dims)
    const gradient = gradients.get(name)
    if (!gradient) {
      throw new GraftError('bad-input', `the loss does not depend on the parameter "${name}"`)
    }
    const value = builder.input(builder.fresh(`${name} flat`), 'float32', [size])
    return { name, dims, size, value, gradient: flat(gradient, size) }
  })
  const { carried, gradientNorm } = writeUpdate(builder, parameters, options)
  const running = statistics.map(({ parameter, updated }): Carried => {
    const size = sizeOf((graph.initializers.get(parameter) as Tensor).dims)
    const input = builder.input(builder.fresh(`${parameter} flat`), 'float32', [size])
    return { parameter, input, output: updated, size }
  })
  const all = [...carried, ...running]
  const outputs = [withLoss.loss, gradientNorm, ...all.map(({ output }) => output)]
  const complete = exposeTrainedConvolutions(thawed(builder, all, graph), types)
  const lowered = lower(
    pruneTo(
      complete,
      outputs.map((name) => ({ name })),
    ),
    derivatives.types,
    await loweredBlock(runtime, options.lowering),
  )
  const names = lowered.outputs.map(({ name }) => name)
  return {
    graph: lowered,
    multiplyAdds: countMultiplyAdds(typed.graph, typed.types),
    loss: names[0] as string,
    gradientNorm: names[1] as string,
    carried: all.map((value, index) => ({ ...value, output: names[index + 2] as string })),
    masks,
  }
}

function withBatchStatistics(graph: Graph): Graph {
  const training = { training_mode: { type: 'int', value: 1 } } as const
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      node.operator === 'BatchNormalization'
        ? { ...node, attributes: { ...node.attributes, ...training } }
        : node,
    ),
  }
}

/** The network with its loss: a scalar that is its first output. */
async function attachLoss({ graph, loss, inputs }: StepOptions, runtime: Runtime) {
  const output = graph.outputs[0]?.name as string
  const { types } = await inferTypes(graph, inputs, runtime)
  const { dims } = types.get(output) as TensorType
  const targets = { type: loss.targets.type, dims: loss.targets.dims(dims) }
  const weights = { type: 'float32', dims: [dims[0] as number] } as const
  const builder = createBuilder(graph.name, { ...graph, outputs: [] })
  builder.input(targetsInput, targets.type, targets.dims)
  builder.input(weightsInput, weights.type, weights.dims)
  const value = loss.write(builder, { output, targets: targetsInput, weights: weightsInput })
  builder.output(value)
  return {
    graph: builder.build(),
    loss: value,
    inputs: { ...inputs, [targetsInput]: targets, [weightsInput]: weights },
  }
}

/** Turns carried parameters from initializers into views of their flat inputs. */
function thawed(builder: GraphBuilder, carried: readonly Carried[], network: Graph): Graph {
  const grown = builder.build()
  const initializers = new Map(grown.initializers)
  const views: Node[] = []
  const constants = createBuilder(grown.name, grown)
  for (const { parameter, state, input } of carried) {
    if (state !== undefined) continue
    initializers.delete(parameter)
    const { dims } = network.initializers.get(parameter) as Tensor
    views.push({
      name: `${parameter} view`,
      operator: 'Reshape',
      domain: '',
      inputs: [input, constants.int64s(dims)],
      outputs: [parameter],
      attributes: {},
    })
  }
  const shapes = constants.build().nodes.slice(grown.nodes.length)
  return { ...grown, initializers, nodes: [...shapes, ...views, ...grown.nodes] }
}

function createStep(
  { graph, carried, masks, ...written }: WrittenStep,
  network: Graph,
  session: Session,
  capacity: number,
): TrainingStep {
  const initial = ({ parameter, state, size }: Carried): Tensor => {
    const value = network.initializers.get(parameter) as Tensor
    return state === undefined
      ? float32([size], (value.data as Float32Array).slice())
      : zeros('float32', [size])
  }
  // Two sets of buffers take turns: a fed tensor and a fetched one must never share memory.
  let current = carried.map(initial)
  let next = carried.map(({ size }) => zeros('float32', [size]))
  const states = new Set(carried.map(({ input }) => input))
  const fed = graph.inputs.flatMap(({ name, type, dims }) => {
    if (states.has(name)) return []
    return [{ name, type, dims, all: zeros(type, [capacity, ...(dims as number[])]) }]
  })
  const count = zeros('int64', [])
  let steps = 0
  const key = ({ parameter, state }: Carried) =>
    state === undefined ? parameter : `${parameter} ${state}`
  const copyIn = (index: number, values: Readonly<Record<string, TypedArray>>) => {
    for (const { name, type, dims, all } of fed) {
      const data = values[name]
      const size = sizeOf(dims as number[])
      if (data?.constructor !== elementTypes[type].array || data.length !== size) {
        throw new GraftError(
          'bad-input',
          `the step needs "${name}" as ${type} [${dims.join(', ')}]`,
        )
      }
      ;(all.data as Uint8Array).set(data as Uint8Array, index * size)
    }
  }

  const runAll: TrainingStep['runAll'] = async (batches, random) => {
    let made = 0
    for (const { feeds, learningRate } of batches) {
      if (made === capacity) {
        throw new GraftError('internal', `more than ${capacity} steps were asked of one call`)
      }
      const values: Record<string, TypedArray> = {
        [learningRateInput]: Float32Array.of(learningRate),
        [stepInput]: Float32Array.of(steps + made + 1),
      }
      for (const name in feeds) values[name] = (feeds[name] as Tensor).data
      for (const mask of masks) values[mask.input] = drawMask(mask, random).data
      copyIn(made++, values)
    }
    if (made === 0) return []
    steps += made
    count.data[0] = BigInt(made)
    const all: Record<string, Tensor> = { [countInput]: count }
    for (const { name, all: stacked } of fed) all[ofEveryStep(name)] = stacked
    const losses = zeros('float32', [made])
    const norms = zeros('float32', [made])
    const fetches: Record<string, Tensor> = {
      [ofEveryStep(written.loss)]: losses,
      [ofEveryStep(written.gradientNorm)]: norms,
    }
    carried.forEach(({ input, output }, index) => {
      all[beforeSteps(input)] = current[index] as Tensor
      fetches[afterSteps(output)] = next[index] as Tensor
    })
    await session.run(all, fetches)
    const spent = current
    current = next
    next = spent
    return Array.from({ length: made }, (_, index) => ({
      loss: Number(losses.data[index]),
      gradientNorm: Number(norms.data[index]),
    }))
  }

  return {
    capacity,
    runAll,
    async run(feeds, { learningRate, random }) {
      const [result] = await runAll([{ feeds, learningRate }], random)
      return result as StepResult
    },
    parameters() {
      const parameters = new Map<string, Tensor>()
      carried.forEach(({ parameter, state }, index) => {
        if (state !== undefined) return
        const { dims } = network.initializers.get(parameter) as Tensor
        const { data } = current[index] as Tensor
        parameters.set(parameter, float32(dims, (data as Float32Array).slice()))
      })
      return parameters
    },
    state() {
      const copies = carried.map((value, index): [string, Tensor] => {
        const { dims, data } = current[index] as Tensor
        return [key(value), float32(dims, (data as Float32Array).slice())]
      })
      return new Map([...copies, ['steps', float32([], [steps])]])
    },
    restore(state) {
      steps = Number(state.get('steps')?.data[0] ?? 0)
      carried.forEach((value, index) => {
        const saved = state.get(key(value))
        if (!saved) throw new GraftError('bad-input', `the checkpoint has no "${key(value)}"`)
        ;((current[index] as Tensor).data as Float32Array).set(saved.data as Float32Array)
      })
    },
    reset(parameters) {
      steps = 0
      carried.forEach((value, index) => {
        const { data } = current[index] as Tensor
        const given = value.state === undefined ? parameters?.get(value.parameter) : undefined
        ;(data as Float32Array).set((given ?? initial(value)).data as Float32Array)
      })
    },
    release: () => session.release(),
  }
}
