import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { sha256, smallNetwork } from '../../testing/hub-files.ts'
import { type Fault, type HubServer, startHub, testSettings } from '../../testing/hub-server.ts'
import type { BackboneEvent } from './backbone.ts'
import { resolveBackbone } from './resolve.ts'
import type { HubSettings } from './settings.ts'

const network = smallNetwork()
const file = 'model.onnx'

let cache: string
let hub: HubServer
let settings: HubSettings

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'graft-download-'))
  hub = await startHub({ 'some/model': { commit: 'b'.repeat(40), files: { [file]: network } } })
  settings = testSettings(hub.endpoint, cache)
})
afterEach(async () => {
  await hub.close()
  await rm(cache, { recursive: true, force: true })
})

const breakOff = (event: BackboneEvent) => {
  if (event.type === 'progress') hub.arrived(event.done)
}

async function resolve(...faults: Fault[]) {
  hub.faults.set(file, faults)
  return (await collect(resolveBackbone('some/model', settings), breakOff)).result
}
/** Long enough for a busy machine, and short enough for a test. */
function listenFor(stall: number) {
  settings = { ...settings, patience: { ...settings.patience, stall } }
}
const ranges = () =>
  hub.asked.filter(({ path }) => path.startsWith('/content/')).map(({ range }) => range)
const left = async () =>
  (await readdir(cache, { recursive: true })).filter((path) => /[.](onnx|part|tmp)$/.test(path))
const isWhole = async (path: string) => sha256(await readFile(path)) === sha256(network)

describe('a download', () => {
  it('goes on where the connection broke off', async () => {
    const { path } = await resolve({ type: 'break', at: 15_000 }, { type: 'break', at: 30_000 })
    expect(await isWhole(path)).toBe(true)
    expect(ranges()).toEqual([undefined, 'bytes=15000-', 'bytes=30000-'])
  })

  it('goes on for as long as each attempt gets further, past the number of retries', async () => {
    const places = [5000, 10_000, 15_000, 20_000, 25_000, 30_000]
    const { path } = await resolve(...places.map((at) => ({ type: 'break', at }) as const))
    expect(await isWhole(path)).toBe(true)
  })

  it('starts over where the server sends the whole file again', async () => {
    const { path } = await resolve({ type: 'break', at: 15_000 }, { type: 'whole' })
    expect(await isWhole(path)).toBe(true)
    expect(ranges()).toEqual([undefined, 'bytes=15000-'])
  })

  it('breaks off a connection that gives nothing for a while', async () => {
    listenFor(1000)
    const { path } = await resolve({ type: 'stall', at: 15_000 })
    expect(await isWhole(path)).toBe(true)
    expect(ranges()).toEqual([undefined, 'bytes=15000-'])
  })

  it('waits for one that is slow, though the whole takes longer than a silence may', async () => {
    listenFor(1000)
    const { path } = await resolve({ type: 'slow', pause: 250, pieces: 6 })
    expect(await isWhole(path)).toBe(true)
    expect(ranges()).toEqual([undefined])
  })

  it('asks again where the server is busy', async () => {
    const { path } = await resolve({ type: 'status', status: 503 }, { type: 'status', status: 429 })
    expect(await isWhole(path)).toBe(true)
  })

  it('gives up after some attempts in vain, with one line, and keeps what has arrived', async () => {
    const busy = { type: 'status', status: 503 } as const
    await expect(resolve({ type: 'break', at: 15_000 }, busy, busy, busy, busy)).rejects.toThrow(
      /^some\/model: is not in the cache, and http.* cannot be reached: it answers 503: download model.onnx elsewhere/,
    )
    expect(await left()).toEqual([expect.stringMatching(/[.]part$/)])
  })

  it('is done once more where something else arrives than the hub says', async () => {
    const { path } = await resolve({ type: 'corrupt' })
    expect(await isWhole(path)).toBe(true)
    expect(ranges()).toEqual([undefined, undefined])
    expect(await left()).toEqual([expect.stringMatching(/model.onnx$/)])
  })

  it('fails where that happens twice, with one line and nothing left behind', async () => {
    await expect(resolve({ type: 'corrupt' }, { type: 'corrupt' })).rejects.toThrow(
      /^some\/model: model.onnx: arrived damaged twice .*: try again later$/,
    )
    expect(await left()).toEqual([])
  })

  it('takes over what a process left that is gone, and nothing of one that runs', async () => {
    const { path } = await resolve()
    const { pid: gone } = spawnSync(process.execPath, ['-e', ''])
    const part = (pid: number) =>
      join(path, '..', `.${file}.${hostname().replace(/[^\w-]/g, '-')}.${pid}.0.part`)
    await rm(path)
    await writeFile(part(process.ppid), network.subarray(0, 100))
    await writeFile(part(gone), network.subarray(0, 20_000))
    hub.asked.length = 0
    expect(await isWhole((await resolve()).path)).toBe(true)
    expect(ranges()).toEqual(['bytes=20000-'])
    expect((await left()).map((name) => name.split('/').at(-1)).sort()).toEqual(
      [part(process.ppid).split('/').at(-1), file].sort(),
    )
  })

  it('that a part of a changed file spoiled is done once more', async () => {
    hub.faults.set(file, [
      { type: 'break', at: 15_000 },
      ...Array(3).fill({ type: 'status', status: 503 }),
    ])
    await expect(resolve(...(hub.faults.get(file) ?? []))).rejects.toThrow(/cannot be reached/)
    const [part = ''] = await left()
    const gone = spawnSync(process.execPath, ['-e', '']).pid
    const old = join(cache, part)
    await writeFile(old.replace(`.${process.pid}.`, `.${gone}.`), Buffer.alloc(15_000))
    await rm(old)
    expect(await isWhole((await resolve()).path)).toBe(true)
  })
})
