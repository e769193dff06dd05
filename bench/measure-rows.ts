import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { GraftError } from '../src/errors.ts'
import { writeFileAtomic } from '../src/files.ts'
import { busyShare, describeMachine } from './machine.ts'
import { findPytorch } from './pytorch.ts'
import { judge, lossDifference, measure, pause } from './rounds.ts'
import type { Opened, Place, Row } from './row.ts'
import { rows } from './rows/all.ts'
import { besides, heading, line, machineLine, type Result, toJson, warnings } from './table.ts'

const results = fileURLToPath(new URL('results', import.meta.url))

async function measureRow(row: Row, place: Place): Promise<Result> {
  const { name, what, limit, unit } = row
  const about = { name, what, limit, ...(unit && { unit }) }
  const opened = await row.open(place)
  if ('missing' in opened) return { ...about, missing: opened.missing }
  try {
    const different = differentWork(opened)
    if (different) return { ...about, missing: different }
    const before = await busyShare()
    const measured = await measure(opened, row)
    await wait(pause)
    // Other programs take time from a side, not memory.
    const busy = unit === 'MiB' ? 0 : Math.max(before, await busyShare())
    const { flops, note } = opened
    const verdict = judge(measured, limit, busy)
    return {
      ...about,
      ...measured,
      verdict,
      busy,
      ...(flops && { flops }),
      ...(note && { note }),
    }
  } finally {
    for (const side of [opened.ours, ...opened.others]) await side.close()
  }
}

/** Why the sides cannot be compared: equal first losses show equal work. */
function differentWork(opened: Opened): string | null {
  const { tolerance = 0.001, ours, others } = opened
  if (lossDifference(opened) <= tolerance) return null
  const losses = [ours, ...others].map((side) => `${side.name} ${side.losses.join(', ')}`)
  return `the sides do not do the same work; their losses: ${losses.join('; ')}`
}

/** Measures the rows named, or all, prints the table, and writes it to results/latest.json after every row. */
export async function measureRows(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.filter((name) => !rows.some((row) => row.name === name))
  if (unknown.length > 0) {
    const known = [...rows.map(({ name }) => name), 'transfer'].join(', ')
    throw new GraftError('bad-usage', `no row is named ${unknown.join(', ')}; there are ${known}`)
  }
  const chosen = rows.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
  // Every rate is held against that of the matrix product.
  const [gemm] = rows
  const measured = chosen.includes(gemm as Row) ? chosen : [gemm as Row, ...chosen]

  const pytorch = findPytorch()
  const machine = describeMachine(pytorch?.version ?? null)
  console.log(machineLine(machine))
  console.log(heading)
  const folder = await mkdtemp(join(tmpdir(), 'graft-bench-'))
  await mkdir(results, { recursive: true })
  const done: Result[] = []
  try {
    for (const row of measured) {
      const result = await measureRow(row, { folder, threads: machine.cores, pytorch })
      done.push(result)
      console.log(line(result, done[0] as Result))
      for (const text of [...besides(result), ...warnings(result)]) console.log(`  ${text}`)
      await writeFileAtomic(join(results, 'latest.json'), toJson(machine, done))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
