import { availableParallelism, cpus, loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { env } from 'onnxruntime-node'

/** What the numbers depend on. */
export function describeMachine(pytorch: string | null) {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    load: loadavg()[0] as number,
    node: process.versions.node,
    onnxruntime: env.versions.common,
    pytorch,
  }
}

/** The share of all cores that is busy while nothing is measured: what other programs take. */
export async function busyShare(milliseconds = 500): Promise<number> {
  const before = ticks()
  await wait(milliseconds)
  const after = ticks()
  return 1 - (after.idle - before.idle) / (after.all - before.all)
}

/** Whether other programs take so much that neither times nor ratios mean anything: threads that wait for each other suffer unequally. */
export const isBusy = (share: number) => share > 0.1

function ticks() {
  let [idle, all] = [0, 0]
  for (const { times } of cpus()) {
    idle += times.idle
    all += Object.values(times).reduce((sum, time) => sum + time, 0)
  }
  return { idle, all }
}
