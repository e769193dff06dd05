import { availableParallelism } from 'node:os'
import { writeModel } from '../graph/write.ts'
import type { Runtime } from './session.ts'
import { guarded, sessionsOf } from './wrap-session.ts'

// This build of ONNX Runtime reports its use to its makers unless told not to, before it is loaded.
process.env.ORT_DISABLE_TELEMETRY ??= '1'
const { env, InferenceSession, Tensor } = await import('onnxruntime-node')
const wrap = sessionsOf({ Tensor, writesInPlace: true })

/** ONNX Runtime's native build, on the CPU. */
export const nodeRuntime: Runtime = {
  name: 'onnxruntime-node',
  version: env.versions.node ?? env.versions.common,
  speed: 100e9,

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
