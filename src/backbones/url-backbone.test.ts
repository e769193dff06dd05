import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { sha256, smallNetwork } from '../../testing/hub-files.ts'
import { type HubServer, startHub, testSettings } from '../../testing/hub-server.ts'
import { resolveBackbone } from './resolve.ts'
import type { HubSettings } from './settings.ts'

const commit = 'c'.repeat(40)
const network = smallNetwork()

let cache: string
let server: HubServer
let settings: HubSettings
let url: string

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'graft-url-'))
  server = await startHub({ 'a/b': { commit, files: { 'net.onnx': network } } })
  // Of another hub than the one that is set, so that it is an address like any other.
  settings = testSettings('http://127.0.0.1:1', cache)
  url = `${server.endpoint}/a/b/resolve/main/net.onnx`
})
afterEach(async () => {
  await server.close()
  await rm(cache, { recursive: true, force: true })
})

const resolve = (changes: Partial<HubSettings> = {}, digest: string | null = null) =>
  collect(resolveBackbone(url, { ...settings, ...changes }, digest), (event) => {
    if (event.type === 'progress') server.arrived(event.done)
  })
const gets = () =>
  server.asked.filter(({ method, path }) => method === 'GET' && path.startsWith('/content/'))

describe('an address', () => {
  it('is downloaded once, without the token of the hub', async () => {
    const first = await resolve({ token: 'hf_secret' })
    expect(first.result).toMatchObject({ name: url, spec: url, revision: null, license: null })
    expect(first.result.digest).toBe(sha256(network))
    expect(sha256(await readFile(first.result.path))).toBe(sha256(network))
    const second = await resolve()
    expect(second.result).toEqual(first.result)
    expect(gets()).toHaveLength(1)
    expect(server.asked.map(({ authorization }) => authorization)).not.toContain('Bearer hf_secret')
  })

  it('goes on where it broke off, as long as the file is still the same', async () => {
    server.faults.set('net.onnx', [{ type: 'break', at: 10_000 }])
    const { result } = await resolve()
    expect(result.digest).toBe(sha256(network))
    expect(gets().map(({ range }) => range)).toEqual([undefined, 'bytes=10000-'])
  })

  it('is downloaded anew where the file has changed, on the server or in the cache', async () => {
    const { result } = await resolve()
    await writeFile(result.path, 'damaged')
    expect((await resolve()).result.digest).toBe(sha256(network))
    const other = smallNetwork(5000)
    server.models.set('a/b', { commit, files: { 'net.onnx': other } })
    expect((await resolve()).result.digest).toBe(sha256(other))
    expect(gets()).toHaveLength(3)
  })

  it('needs no server where it is known which file it has to be', async () => {
    await resolve()
    server.asked.length = 0
    await resolve({}, sha256(network))
    expect(server.asked).toEqual([])
  })

  it('comes from the cache offline, and with a notice where the server is gone', async () => {
    const { result } = await resolve()
    expect((await resolve({ isOffline: true })).result).toEqual(result)
    await server.close()
    const gone = await resolve()
    expect(gone.result).toEqual(result)
    expect(gone.events).toEqual([
      { type: 'notice', sentence: expect.stringMatching(/the file in the cache is used/) },
    ])
  })

  it('that cannot be had is explained in one line', async () => {
    await expect(resolve({ isOffline: true })).rejects.toThrow(
      /not in the cache.*offline.*elsewhere/,
    )
    url = `${server.endpoint}/a/b/resolve/main/other.onnx`
    await expect(resolve()).rejects.toThrow(/other.onnx: the server answers 404: check the address/)
    await server.close()
    await expect(resolve()).rejects.toThrow(/cannot be reached: the connection was refused/)
  })
})
