import { createBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import { byteSize, sizeOf, type Tensor, type TensorType } from '../graph/tensor.ts'
import { targetsInput, weightsInput } from '../nn/losses.ts'
import type { Runtime, Session } from '../runtime/session.ts'
import { outputsOf } from './adversary.ts'
import { severalSteps, singleStep } from './several-steps.ts'
import { writeUpdate } from './update.ts'
import { type StepOptions, type WrittenStep, writeStep } from './write-step.ts'

/** A training step without the values that it carries: the same for all networks that differ in trained parameters alone. */
export type CompiledStep = {
  readonly written: WrittenStep
  readonly session: Session
  /** The most steps that one run makes. */
  readonly capacity: number
  /** Whether a run may write what it carries over what it was fed. */
  readonly inPlace: boolean
}

type Entry = {
  readonly description: string
  readonly frozen: ReadonlyMap<string, Tensor>
  readonly compiled: Promise<CompiledStep>
  users: number
}

/** What steps that nobody uses may keep: their sessions hold on to the memory of their last run. */
const idleBytes = 2 ** 29

const entriesOf = new WeakMap<Runtime, Entry[]>()

/**
 * The compiled step for these options, from the cache of this process where an equal one was compiled for the same runtime: one of an
 * equal graph at equal dimensions, with equal frozen values, loss and optimizer. A step that nobody uses any more is kept as long as
 * all such steps together take less than half a gigabyte, the last used ones first.
 *
 * @returns the step, and a function to call once it is not used any more
 */
export async function compiledStep(
  options: StepOptions,
  runtime: Runtime,
): Promise<{ readonly compiled: CompiledStep; release(): Promise<void> }> {
  const entries = entriesOf.get(runtime) ?? []
  entriesOf.set(runtime, entries)
  const description = describe(options)
  const frozen = frozenValues(options)
  const known = entries.find(
    (entry) => entry.description === description && areEqual(entry.frozen, frozen),
  )
  const entry = known ?? { description, frozen, compiled: compile(options, runtime), users: 0 }
  if (!known) entries.push(entry)
  entry.users++
  let released = false
  const release = async () => {
    if (released) return
    released = true
    entry.users--
    entries.push(...entries.splice(entries.indexOf(entry), 1))
    await evict(entries)
  }
  try {
    return { compiled: await entry.compiled, release }
  } catch (error) {
    if (entries.includes(entry)) entries.splice(entries.indexOf(entry), 1)
    throw error
  }
}

/** Frees what was not used for longest, until the rest fits. */
async function evict(entries: Entry[]): Promise<void> {
  let kept = 0
  for (const entry of entries.filter(({ users }) => users === 0).reverse()) {
    const { session, written } = await entry.compiled
    kept += written.bytes
    if (kept <= idleBytes || entry.users > 0 || !entries.includes(entry)) continue
    entries.splice(entries.indexOf(entry), 1)
    await session.release()
  }
}

async function compile(options: StepOptions, runtime: Runtime) {
  const written = await writeStep(options, runtime)
  const { graph, carried, loss, gradientSquares } = written
  // Parameters of equal gradients share a square.
  const results = [loss, ...new Set(gradientSquares)]
  // Elsewhere ONNX Runtime would run the Loop on the CPU.
  const loops = runtime.device === 'cpu'
  const capacity = loops ? capacityOf(written, runtime.speed) : 1
  const session = await runtime.createSession(
    loops ? severalSteps(graph, carried, results, capacity) : singleStep(graph, carried, results),
    { arena: !hasMuchState(written), ...(isSmall(written) && { threads: 1 }) },
  )
  return {
    written: { ...written, graph: withoutNodes(graph) },
    session,
    capacity,
    // A Loop writes its last values when all steps are made.
    inPlace: loops && runtime.writesInto,
  }
}

/** What a running step needs of its graph: the inputs. */
const withoutNodes = (graph: Graph): Graph => ({ ...graph, nodes: [], initializers: new Map() })

/** Whether a second thread would cost more than it brings: in the passes, and in the update of the parameters. */
function isSmall(written: WrittenStep): boolean {
  return written.multiplyAdds < 2e7 && valuesOf(written) < 5e5
}

/**
 * Whether parameters and optimizer state take so much memory beside the values of the passes that no arena is wanted: the passes leave it in pieces into which
 * their successors do not fit.
 */
function hasMuchState(written: WrittenStep): boolean {
  const bytes = 4 * valuesOf(written)
  return bytes >= 2 ** 26 && bytes >= written.bytes / 8
}

/**
 * As many steps in a call as take about two seconds, so that whoever waits is heard in between, and as fit their inputs into 32 MB. A
 * step is taken for three forward passes at the speed of the runtime and 2 ns for each value that it updates.
 */
function capacityOf(written: WrittenStep, speed: number): number {
  const { graph, carried, multiplyAdds } = written
  const states = new Set(carried.map(({ input }) => input))
  const fed = graph.inputs.filter(({ name }) => !states.has(name))
  const bytes = fed.reduce((sum, input) => sum + byteSize(input as TensorType), 0)
  const seconds = (3 * multiplyAdds) / speed + valuesOf(written) * 2e-9
  return Math.max(1, Math.floor(Math.min(2 / seconds, 2 ** 25 / bytes, 64)))
}

const valuesOf = ({ carried }: WrittenStep) => carried.reduce((size, value) => size + value.size, 0)

/** All that decides what a step computes, but the values of parameters. Loss and optimizer are told by what they write. */
function describe(options: StepOptions): string {
  const { graph, loss, inputs, trainable, batchStatistics, lowering, multipliers } = options
  const { newParameters, averaging, adversary } = options
  const modes = typeof batchStatistics === 'object' ? [...batchStatistics] : batchStatistics
  const builder = createBuilder()
  const names = { output: 'output', targets: targetsInput, weights: weightsInput }
  const value = loss.write(builder, names)
  const opposed = adversary && [
    adversary.trainable,
    outputsOf(adversary),
    'factor' in adversary && adversary.factor(builder, adversary.scores),
  ]
  // One of each kind: weight decay is for matrices alone, and may be another in new layers.
  const samples = [[2], [2, 2], [3], [3, 3]].map((dims, index) => ({
    name: `sample ${index}`,
    dims,
    size: sizeOf(dims),
    gradient: `gradient ${index}`,
  }))
  const newSamples = new Set(samples.slice(2).map(({ name }) => name))
  const { carried } = writeUpdate(builder, samples, {
    ...options,
    multipliers: new Map(),
    newParameters: newSamples,
  })
  return JSON.stringify(
    [
      {
        ...graph,
        initializers: [...graph.initializers].map(([name, { type, dims }]) => [name, type, dims]),
      },
      [builder.build().nodes, carried, value, loss.targets.type, loss.targets.dims([2, 3])],
      Object.entries(inputs).map(([name, { type, dims }]) => [name, type, dims]),
      [trainable, modes, lowering ?? 'auto', averaging ?? null, opposed ?? null],
      [[...(multipliers ?? [])], [...(newParameters ?? [])]],
    ],
    (_, entry) => (ArrayBuffer.isView(entry) ? Array.from(entry as Uint8Array, String) : entry),
  )
}

/** The values that are compiled in. Running statistics of layers in training mode are not, but are compared all the same. */
function frozenValues({ graph, trainable }: StepOptions): Map<string, Tensor> {
  const trained = new Set(trainable)
  return new Map([...graph.initializers].filter(([name]) => !trained.has(name)))
}

function areEqual(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): boolean {
  return [...a].every(([name, { data }]) => {
    const other = b.get(name)?.data
    return data === other || data.every((value, index) => Object.is(value, other?.[index]))
  })
}
