import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import { zeros } from '../graph/tensor.ts'
import type { Runtime } from './session.ts'
import { run } from './vjp.ts'
import { webRuntime } from './web.ts'

/** What a browser may compute on. */
export type WebDevice = 'cpu' | 'webgpu'

/**
 * onnxruntime-web on a device: `cpu` is `webRuntime`; `webgpu` is the graphics card, which a browser may or may not offer. Its build
 * of ONNX Runtime is loaded when it is asked for, and the device is started to see whether it can be.
 *
 * @throws GraftError `unsupported` that says why WebGPU cannot start
 */
export async function webRuntimeOn(device: WebDevice): Promise<Runtime> {
  if (device === 'cpu') return webRuntime
  try {
    await expectDevice()
    const { webGpuRuntime } = await import('./web-gpu.ts')
    const builder = createBuilder('trial')
    const x = builder.input('x', 'float32', [2])
    builder.output(builder.op('Add', [x, x]))
    await run(builder.build(), { x: zeros('float32', [2]) }, webGpuRuntime)
    return webGpuRuntime
  } catch (cause) {
    const reason = (cause as Error).message
    throw new GraftError(
      'unsupported',
      `the device "webgpu" cannot start: ${reason}; "cpu", which is WebAssembly, can`,
      { cause },
    )
  }
}

type Gpu = { requestAdapter(): Promise<Adapter | null> }
type Adapter = { requestDevice(): Promise<{ destroy(): void }> }

/** Throws where WebGPU has nothing to run on: the browser tells why, ONNX Runtime would not, and could not be asked again. */
async function expectDevice(): Promise<void> {
  const { navigator, isSecureContext } = globalThis as {
    readonly navigator?: { readonly gpu?: Gpu }
    readonly isSecureContext?: boolean
  }
  if (isSecureContext === false) {
    throw new Error('browsers offer it only to pages that come over https or from localhost')
  }
  if (!navigator?.gpu) throw new Error('there is no WebGPU here')
  const adapter = await navigator.gpu.requestAdapter()
  if (!adapter) throw new Error('the browser has no graphics card for it')
  const device = await adapter.requestDevice()
  device.destroy()
}
