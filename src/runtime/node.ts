import { availableParallelism } from 'node:os'
import { writeModel } from '../graph/write.ts'
import type { Device, Runtime } from './session.ts'
import { guarded, optimizationOf, sessionsOf } from './wrap-session.ts'

// This build of ONNX Runtime reports its use to its makers unless told not to, before it is loaded.
process.env.ORT_DISABLE_TELEMETRY ??= '1'
const { env, InferenceSession, listSupportedBackends, Tensor } = await import('onnxruntime-node')
const wrap = sessionsOf(Tensor)

/** ONNX Runtime's native build, on a device that it may or may not be able to start. */
export const nodeRuntimeOn = (device: Device): Runtime => ({
  name: 'onnxruntime-node',
  version: env.versions.node ?? env.versions.common,
  device,
  speed: 100e9,
  writesInto: device === 'cpu',

  async createSession(graph, options = {}) {
    const { threads = availableParallelism(), optimize, arena = true } = options
    const session = await guarded('this graph cannot be compiled', () =>
      InferenceSession.create(writeModel(graph), {
        executionProviders: [options.device ?? device],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimizationOf(graph, optimize),
        logSeverityLevel: 4,
        // A plan for all memory of a run at once takes up to half as much again, and saves no time.
        enableMemPattern: false,
        enableCpuMemArena: arena,
        // Gradients fade into denormal numbers, which are many times slower.
        extra: { session: { set_denormal_as_zero: '1' } },
      }),
    )
    return wrap(session)
  },
})

/** On the CPU. */
export const nodeRuntime: Runtime = nodeRuntimeOn('cpu')

/** Whether this build of ONNX Runtime knows a device at all. */
export const isBuiltFor = (device: Device): boolean =>
  listSupportedBackends().some(({ name }) => name === device)
