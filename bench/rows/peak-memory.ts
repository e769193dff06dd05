import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'tsdown'
import { howToInstall, startPytorch } from '../pytorch.ts'
import type { Missing, Opened, Place, Row } from '../row.ts'
import { startServed } from '../served.ts'
import type { Side } from '../side.ts'
import { prepare, type TrainingRow } from './training-step.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** The peak memory, in MiB, of fresh processes that do nothing but train: ours, and PyTorch's with its freed memory returned and kept. */
export function peakMemory(row: Omit<TrainingRow, 'limit' | 'repetitions'>): Row {
  const { name, what } = row
  const limit = { ratio: 1.3 }
  const full = { ...row, limit, repetitions: 10 }
  const open = (place: Place) => openRow(full, place)
  return { name, what, limit, unit: 'MiB', rounds: 3, warmUp: false, open }
}

async function openRow(row: TrainingRow, place: Place): Promise<Opened | Missing> {
  const { threads, pytorch } = place
  if (!existsSync('/proc/self/status')) {
    return {
      missing: 'this system does not tell the peak memory of a process in /proc/self/status',
    }
  }
  if (!pytorch) return { missing: howToInstall }
  const { training, script, data, tolerance } = await prepare(row, place)
  const common = { ...training, data, threads, layout: 'contiguous' }
  if (training.model) {
    // Export takes memory too, so a process of its own does it.
    await (await startPytorch(pytorch, 'export', script, { ...common, checked: 0 })).close()
  }
  const settings = { ...common, model: undefined }
  const program = await bundle()
  return {
    ours: await fresh(() => startServed('Graft', [process.execPath, program], training)),
    others: await Promise.all(
      (['returned', 'kept'] as const).map((memory) => {
        const name = `PyTorch, memory ${memory}`
        return fresh(() => startPytorch(pytorch, name, script, { ...settings, memory }))
      }),
    ),
    ...(tolerance && { tolerance }),
  }
}

/** Our side in one file of plain JavaScript: what compiles TypeScript on the way would count as memory of ours. */
async function bundle(): Promise<string> {
  await build({
    config: false,
    cwd: path('../..'),
    entry: [path('../train-alone.ts')],
    outDir: path('../built'),
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    fixedExtension: false,
    dts: false,
    deps: { skipNodeModulesBundle: true },
    logLevel: 'error',
  })
  return path('../built/train-alone.js')
}

/** A side each of whose rounds is the first and only one of a process. */
async function fresh(start: () => Promise<Side>): Promise<Side> {
  const first = await start()
  let started: Side | null = first
  return {
    name: first.name,
    losses: first.losses,
    async round() {
      const side = started ?? (await start())
      started = null
      const { peak } = await side.round()
      await side.close()
      return { values: [peak as number], idle: 0 }
    },
    close: async () => started?.close(),
  }
}
