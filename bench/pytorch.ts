import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Round, Side } from './side.ts'

/** PYTHON, or the first of the usual ones that has PyTorch. */
const pythons = process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3']

export const howToInstall =
  'PyTorch is missing: install it (Debian: apt install python3-torch), or name a Python that has it in PYTHON'

/** A Python that has PyTorch. */
export type Pytorch = { readonly python: string; readonly version: string }

export function findPytorch(): Pytorch | null {
  const program = 'import torch; print(torch.__version__)'
  for (const python of pythons) {
    const { status, stdout } = spawnSync(python, ['-c', program], { encoding: 'utf8' })
    if (status === 0) return { python, version: stdout.trim() }
  }
  return null
}

/**
 * Starts a script of the `pytorch` folder. It prepares itself and its first losses, then waits for orders.
 *
 * @param settings its only argument, as JSON
 */
export async function startPytorch(
  { python }: Pytorch,
  name: string,
  script: string,
  settings: { readonly threads: number; readonly [key: string]: unknown },
): Promise<Side> {
  const path = fileURLToPath(new URL(`pytorch/${script}`, import.meta.url))
  const threads = String(settings.threads)
  const child = spawn(python, [path, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
  })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    const { done, value } = await lines.next()
    if (done) throw new Error(`${script} stopped: its own message is above`)
    return JSON.parse(value)
  }
  const { losses } = await answer()
  return {
    name,
    losses,
    async round(): Promise<Round> {
      child.stdin.write('run\n')
      return await answer()
    },
    async close() {
      child.stdin.end()
      await closed
    },
  }
}

/** Writes float32 vectors one after the other, for `numbers.py` to read. */
export async function writeNumbers(
  folder: string,
  name: string,
  vectors: readonly Float32Array[],
): Promise<string> {
  const path = join(folder, `${name}.f32`)
  await writeFile(
    path,
    Buffer.concat(vectors.map((v) => Buffer.from(v.buffer, v.byteOffset, v.byteLength))),
  )
  return path
}
