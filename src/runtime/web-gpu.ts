import { env, InferenceSession, Tensor } from '#onnxruntime-web/webgpu'
import { writeModel } from '../graph/write.ts'
import { inTurn } from './in-turn.ts'
import type { Runtime } from './session.ts'
import { webRuntime } from './web.ts'
import { guarded, optimizationOf, sessionsOf } from './wrap-session.ts'

env.logLevel = 'fatal'
const wrap = sessionsOf(Tensor)
// While one call waits for the graphics card, a second one breaks the memory of both.
const whenFree = inTurn()

/** ONNX Runtime's WebAssembly build for WebGPU, which a browser may or may not have. Calls that overlap wait for each other. */
export const webGpuRuntime: Runtime = {
  name: 'onnxruntime-web',
  version: env.versions.web ?? env.versions.common,
  device: 'webgpu',
  speed: 100e9,
  writesInto: false,

  async createSession(graph, options = {}) {
    // The build for WebGPU lacks kernels on the CPU that the other one has: there is none for Dropout.
    if (options.device === 'cpu') return webRuntime.createSession(graph, options)
    const created = await guarded('this graph cannot be compiled', () =>
      whenFree(() =>
        InferenceSession.create(writeModel(graph), {
          executionProviders: ['webgpu'],
          graphOptimizationLevel: optimizationOf(graph, options.optimize),
          logSeverityLevel: 4,
          enableMemPattern: false,
        }),
      ),
    )
    const session = wrap(created)
    return {
      ...session,
      run: (feeds, fetches) => whenFree(() => session.run(feeds, fetches)),
      release: () => whenFree(session.release),
    }
  },
}
