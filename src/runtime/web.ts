import { env, InferenceSession, Tensor } from '#onnxruntime-web'
import { writeModel } from '../graph/write.ts'
import type { Runtime } from './session.ts'
import { guarded, optimizationOf, sessionsOf } from './wrap-session.ts'

env.logLevel = 'fatal'
const wrap = sessionsOf(Tensor)

/**
 * ONNX Runtime's WebAssembly build, on the CPU: in a browser or in Node. How many threads it has is set once for all sessions, in
 * `env.wasm.numThreads` of onnxruntime-web, and is one in a page that is not isolated from other origins.
 */
export const webRuntime: Runtime = {
  name: 'onnxruntime-web',
  version: env.versions.web ?? env.versions.common,
  device: 'cpu',
  speed: 10e9,
  writesInto: false,

  async createSession(graph, { optimize } = {}) {
    const session = await guarded('this graph cannot be compiled', () =>
      InferenceSession.create(writeModel(graph), {
        executionProviders: ['wasm'],
        graphOptimizationLevel: optimizationOf(graph, optimize),
        logSeverityLevel: 4,
        enableMemPattern: false,
      }),
    )
    return wrap(session)
  },
}
