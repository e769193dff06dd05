import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { GraftError } from '../errors.ts'
import { createBuilder } from '../graph/builder.ts'
import { writeModel } from '../graph/write.ts'
import { type Device, devices, type Runtime } from './session.ts'

/**
 * A runtime that computes on a device. The device is started to see whether it can be.
 *
 * @throws GraftError `unsupported` that says why the device cannot start, and which can on this machine
 */
export async function runtimeFor(device: Device): Promise<Runtime> {
  const { nodeRuntimeOn } = await import('./node.ts')
  if (device === 'cpu') return nodeRuntimeOn(device)
  const reason = await whyNot(device)
  if (reason === null) return nodeRuntimeOn(device)
  const others = devices.filter((other) => other !== device)
  const reasons = await Promise.all(others.map(whyNot))
  const able = others.filter((_, index) => reasons[index] === null)
  throw new GraftError(
    'unsupported',
    `the device "${device}" cannot start: ${reason}; on this machine these can: ${able.join(', ')}`,
  )
}

const trial = `
const [runtime, device, model] = process.argv.slice(1)
require(runtime)
  .InferenceSession.create(Buffer.from(model, 'base64'), { executionProviders: [device], logSeverityLevel: 4 })
  .then(() => process.exit(0), ({ message }) => process.stdout.write(message, () => process.exit(1)))`

/** Starts a device in a process of its own, where a driver may write to the terminal and even crash; null where it starts. */
async function whyNot(device: Device): Promise<string | null> {
  if (device === 'cpu') return null
  const { isBuiltFor } = await import('./node.ts')
  if (!isBuiltFor(device)) {
    return `onnxruntime-node for ${process.platform} on ${process.arch} is built without it`
  }
  const builder = createBuilder('trial')
  const x = builder.input('x', 'float32', [2])
  builder.output(builder.op('Add', [x, x]))
  const model = Buffer.from(writeModel(builder.build())).toString('base64')
  const runtime = createRequire(import.meta.url).resolve('onnxruntime-node')
  return new Promise((resolve) => {
    const command = ['--eval', trial, runtime, device, model]
    execFile(process.execPath, command, { timeout: 60_000 }, (error, stdout) => {
      resolve(error && (plainReason(stdout) || 'its driver broke off or did not answer'))
    })
  })
}

/** What follows the places in ONNX Runtime's sources, and what it checked there. */
function plainReason(message: string): string {
  const [line = ''] = message.split('\n')
  return line.replace(/^.* was false\. /, '').replace(/[.:;\s]+$/, '')
}
