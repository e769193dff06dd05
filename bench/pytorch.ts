import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asInstalled } from './kept-memory.ts'
import { startServed } from './served.ts'
import type { Side } from './side.ts'

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
 * Settings of glibc under which a process keeps the memory that it frees. By default large buffers go back to the system after each use, and
 * come anew page by page in the next step: PyTorch, which has no arena of its own on the CPU, can lose most of a step to that.
 */
const keptMemory = {
  ...asInstalled(),
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: String(2 ** 40),
  MALLOC_TOP_PAD_: String(2 ** 26),
}

/** What the scripts are told, and how they are started. */
type Settings = {
  readonly threads: number
  /** What becomes of freed memory; default `kept`, the faster one. */
  readonly memory?: 'kept' | 'returned'
  readonly [key: string]: unknown
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
  settings: Settings,
): Promise<Side> {
  const path = fileURLToPath(new URL(`pytorch/${script}`, import.meta.url))
  const threads = String(settings.threads)
  return await startServed(name, [python, path], settings, {
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    ...(settings.memory === 'returned' ? asInstalled() : keptMemory),
  })
}

/** Writes float32 vectors one after the other, for `pytorch/serve.py` to read. */
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
