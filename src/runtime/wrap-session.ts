import type {
  InferenceSession as OrtSession,
  Tensor as OrtTensor,
  TensorConstructor,
} from 'onnxruntime-common'
import { normalizesByBatch } from '../autodiff/batch-statistics.ts'
import { GraftError } from '../errors.ts'
import type { Graph, ValueInfo } from '../graph/graph.ts'
import type { ElementType, Tensor, TypedArray } from '../graph/tensor.ts'
import type { Session, SessionOptions } from './session.ts'

/** Makes sessions of a build of ONNX Runtime, which has a class for tensors of its own, into ours. */
export function sessionsOf(Tensor: TensorConstructor): (session: OrtSession) => Session {
  // A training step passes the same tensors over and over.
  const known = new WeakMap<Tensor, OrtTensor>()
  const toOrt = (tensor: Tensor) => {
    let made = known.get(tensor)
    if (!made) {
      const { type, data, dims } = tensor
      made = new Tensor(type as 'float32', data as Float32Array, dims as number[])
      known.set(tensor, made)
    }
    return made
  }
  const all = (tensors: Readonly<Record<string, Tensor>>) => {
    const made: Record<string, OrtTensor> = {}
    for (const name in tensors) made[name] = toOrt(tensors[name] as Tensor)
    return made
  }
  return (session) => {
    const outputs = session.outputMetadata.map(valueInfo)
    const allOutputs = outputs.map((output) => output.name)
    return {
      inputs: session.inputMetadata.map(valueInfo),
      outputs,
      async run(feeds, fetches = allOutputs, into = {}) {
        const given = all(feeds)
        const wanted: Record<string, OrtTensor | null> = {}
        for (const name of fetches) wanted[name] = into[name] ? toOrt(into[name]) : null
        const results = await guarded('ONNX Runtime stopped', () => session.run(given, wanted))
        const tensors: Record<string, Tensor> = {}
        const copies: ArrayBuffer[] = []
        for (const name in results) {
          const result = fromOrt(results[name] as OrtTensor)
          const written = into[name]
          tensors[name] = written ?? result
          // ONNX Runtime returns a copy all the same.
          if (written && written.data.buffer !== result.data.buffer) {
            copies.push(result.data.buffer as ArrayBuffer)
          }
        }
        free(copies)
        return tensors
      },
      release: () => session.release(),
    }
  }
}

/** What may wait for the garbage collector, in bytes. */
const smallGarbage = 2 ** 20

/** Frees memory at once: it goes with a message to a port that is closed. */
function free(buffers: readonly ArrayBuffer[]): void {
  const large = buffers.filter(({ byteLength }) => byteLength > smallGarbage)
  if (large.length === 0) return
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(null, large)
  port1.close()
  port2.close()
}

function fromOrt({ type, dims, data }: OrtTensor): Tensor {
  return { type: type as ElementType, dims, data: data as TypedArray }
}

function valueInfo(metadata: OrtSession.ValueMetadata): ValueInfo {
  if (!metadata.isTensor) {
    throw new GraftError('unsupported', `"${metadata.name}" is not a tensor`)
  }
  return {
    name: metadata.name,
    type: metadata.type as ElementType,
    // The WebAssembly build tells an unknown dimension, -1, as an unsigned number.
    dims: metadata.shape.map((dim) => (dim === 2 ** 32 - 1 ? -1 : dim)),
  }
}

/** Turns what ONNX Runtime throws into one line. */
export async function guarded<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const [line = ''] = String((cause as Error)?.message ?? cause).split('\n')
    const reason = line.replace(/^.*ERROR_MESSAGE: /, '')
    throw new GraftError('bad-model', `${what}: ${reason}`, { cause })
  }
}

/**
 * How much of a graph ONNX Runtime may rewrite. Optimizing, it lets equal small initializers share memory; then its batch normalization in
 * training mode writes the new running variance over its own scale.
 */
export function optimizationOf(
  graph: Graph,
  optimize: SessionOptions['optimize'] = 'all',
): 'disabled' | 'basic' | 'all' {
  return optimize === 'none' || graph.nodes.some(normalizesByBatch) ? 'disabled' : optimize
}
