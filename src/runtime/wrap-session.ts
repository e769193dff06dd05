import type {
  InferenceSession as OrtSession,
  Tensor as OrtTensor,
  TensorConstructor,
} from 'onnxruntime-common'
import { GraftError } from '../errors.ts'
import type { ValueInfo } from '../graph/graph.ts'
import type { ElementType, Tensor, TypedArray } from '../graph/tensor.ts'
import type { Session } from './session.ts'

/** What differs between the builds of ONNX Runtime that a session comes from. */
export type Build = {
  /** The class of its tensors. */
  readonly Tensor: TensorConstructor
  /** Whether a run writes into the tensors that it is given for its results; otherwise they are copied there. */
  readonly writesInPlace: boolean
}

/** Makes sessions of a build of ONNX Runtime into ours. */
export function sessionsOf({ Tensor, writesInPlace }: Build): (session: OrtSession) => Session {
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
      async run(feeds, fetches = allOutputs) {
        const given = all(feeds)
        const into = isNames(fetches) ? null : fetches
        const wanted = into ? (writesInPlace ? all(into) : Object.keys(into)) : fetches
        const results = await guarded('ONNX Runtime stopped', () =>
          session.run(given, wanted as readonly string[]),
        )
        if (into && writesInPlace) return { ...into }
        const tensors: Record<string, Tensor> = {}
        for (const name in results) {
          const result = fromOrt(results[name] as OrtTensor)
          const target = into?.[name]
          if (target) (target.data as Float32Array).set(result.data as Float32Array)
          tensors[name] = target ?? result
        }
        return tensors
      },
      release: () => session.release(),
    }
  }
}

function isNames(fetches: unknown): fetches is readonly string[] {
  return Array.isArray(fetches)
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
