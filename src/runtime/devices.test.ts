import { expect, test } from 'vitest'
import { createBuilder } from '../graph/builder.ts'
import { float32 } from '../graph/tensor.ts'
import { runtimeFor } from './devices.ts'
import { devices } from './session.ts'

test.each(devices)('%s starts and computes, or says why it cannot and what can', async (device) => {
  const builder = createBuilder()
  const x = builder.input('x', 'float32', [2])
  builder.output(builder.alias('twice', builder.op('Add', [x, x])))
  const runtime = await runtimeFor(device).catch((error) => {
    expect(error).toMatchObject({ name: 'GraftError', code: 'unsupported' })
    expect(error.message).toMatch(
      new RegExp(`^the device "${device}" cannot start: [^\\n]+; on this machine these can: cpu`),
    )
    return null
  })
  if (!runtime) return expect(device).not.toBe('cpu')
  expect(runtime.device).toBe(device)
  const session = await runtime.createSession(builder.build())
  expect((await session.run({ x: float32([2], [1, 2]) })).twice).toEqual(float32([2], [2, 4]))
  await session.release()
})
