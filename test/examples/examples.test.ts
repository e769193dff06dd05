import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

/** An example takes a few seconds; a busy machine may take much longer. */
const timeout = 120_000

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs an example as a reader would, and returns its exit code, which is 1 below the floor of the example, and what it printed. */
function example(name: string, ...options: string[]) {
  return new Promise<{ code: number; output: string }>((resolve) => {
    const script = ['--import', 'tsx', `examples/${name}.ts`, ...options]
    execFile(process.execPath, script, { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? -1) : 0, output: `${stdout}${stderr}` })
    })
  })
}

test(
  'a network that the library trains and exports keeps its accuracy in the ONNX file',
  async () => {
    const { code, output } = await example('train-and-export')
    expect(output).toMatch(/accuracy 0\.8\d\d\n$/)
    expect(code, output).toBe(0)
  },
  timeout,
)

test(
  'both published pairs of Fashion-MNIST reach their floors on the bundled part',
  async () => {
    const { code, output } = await example('fashion-pairs', '--seeds', '1')
    expect(output.match(/^ {2}published/gm)).toHaveLength(2)
    expect(code, output).toBe(0)
  },
  timeout,
)
