import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { graft, temporaryFolder } from './command-line.ts'
import { writeShapes } from './shape-images.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  folder = await temporaryFolder()
  await writeShapes(join(folder.path, 'shapes'), { circle: 2, square: 2 })
})
afterAll(() => folder.remove())

/** A device that no build for this platform knows. */
const foreign = process.platform === 'darwin' ? 'dml' : 'coreml'

it.each([
  ['fit', 'shapes', '-o', 'run'],
  ['evaluate', 'model.onnx', 'shapes'],
  ['predict', 'model.onnx', 'a.png'],
  ['demo'],
])(
  '%s says in one line, before any work, that a device cannot start, and which can',
  async (...command) => {
    const { code, stdout, stderr } = await graft(folder.path, ...command, '--device', foreign)
    expect(stderr).toMatch(
      new RegExp(
        `^graft: the device "${foreign}" cannot start: .*built without it; on this machine these can: cpu[a-z, ]*\\n$`,
      ),
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(existsSync(join(folder.path, 'run'))).toBe(false)
  },
)

it('a device that there is not is bad usage', async () => {
  const { code, stderr } = await graft(folder.path, 'predict', 'm.onnx', 'a.png', '--device', 'tpu')
  expect(code).toBe(2)
  expect(stderr).toMatch(/^graft: .*'tpu' is invalid.*cpu, webgpu, cuda, coreml, dml.*\n$/)
})
