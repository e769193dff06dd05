import { availableParallelism } from 'node:os'
import type { InferenceSession as OrtSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { GraftError } from '../errors.ts'
import type { ValueInfo } from '../graph/graph.ts'
import type { ElementType, Tensor } from '../graph/tensor.ts'
import { writeModel } from '../graph/write.ts'
import type { Runtime, Session } from './session.ts'

// This build of ONNX Runtime reports its use to its makers unless told not to, before it is loaded.
process.env.ORT_DISABLE_TELEMETRY ??= '1'
const { env, InferenceSession, Tensor: OnnxTensor } = await import('onnxruntime-node')

/** ONNX Runtime's native build, on the CPU. */
export const nodeRuntime: Runtime = {
  name: 'onnxruntime-node',
  version: env.versions.node ?? env.versions.common,

  async createSession(graph, { threads = availableParallelism(), optimize = 'all' } = {}) {
    const session = await guarded('this graph cannot be compiled', () =>
      InferenceSession.create(writeModel(graph), {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimize === 'none' ? 'disabled' : optimize,
        logSeverityLevel: 4,
        // Gradients fade into denormal numbers, which are many times slower.
        extra: { session: { set_denormal_as_zero: '1' } },
      }),
    )
    return wrap(session)
  },
}

function wrap(session: OrtSession): Session {
  const outputs = session.outputMetadata.map(valueInfo)
  const allOutputs = outputs.map((output) => output.name)
  return {
    inputs: session.inputMetadata.map(valueInfo),
    outputs,
    async run(feeds, fetches = allOutputs) {
      const given: Record<string, OrtTensor> = {}
      for (const name in feeds) given[name] = toOrt(feeds[name] as Tensor)
      const results = await guarded('ONNX Runtime stopped', () => {
        if (isNames(fetches)) return session.run(given, fetches)
        const into: Record<string, OrtTensor> = {}
        for (const name in fetches) into[name] = toOrt(fetches[name] as Tensor)
        return session.run(given, into)
      })
      if (!isNames(fetches)) return { ...fetches }
      const tensors: Record<string, Tensor> = {}
      for (const name in results) tensors[name] = fromOrt(results[name] as OrtTensor)
      return tensors
    },
    release: () => session.release(),
  }
}

function isNames(fetches: unknown): fetches is readonly string[] {
  return Array.isArray(fetches)
}

/** The tensors of ONNX Runtime that stand for ours; a training step passes the same ones over and over. */
const known = new WeakMap<Tensor, OrtTensor>()

function toOrt(tensor: Tensor): OrtTensor {
  let made = known.get(tensor)
  if (!made) {
    made = new OnnxTensor(
      tensor.type as 'float32',
      tensor.data as Float32Array,
      tensor.dims as number[],
    )
    known.set(tensor, made)
  }
  return made
}

function fromOrt({ type, dims, data }: OrtTensor): Tensor {
  return { type: type as ElementType, dims, data: data as Float32Array }
}

function valueInfo(metadata: OrtSession.ValueMetadata): ValueInfo {
  if (!metadata.isTensor) {
    throw new GraftError('unsupported', `"${metadata.name}" is not a tensor`)
  }
  return {
    name: metadata.name,
    type: metadata.type as ElementType,
    dims: metadata.shape,
  }
}

async function guarded<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (cause) {
    const reason = String((cause as Error)?.message ?? cause).split('\n')[0]
    throw new GraftError('bad-model', `${what}: ${reason}`, { cause })
  }
}
