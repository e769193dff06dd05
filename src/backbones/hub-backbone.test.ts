import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { sha256, smallNetwork, splitNetwork } from '../../testing/hub-files.ts'
import { type HubServer, startHub, testSettings } from '../../testing/hub-server.ts'
import type { ResolvedBackbone } from './backbone.ts'
import { resolveBackbone } from './resolve.ts'
import type { HubSettings } from './settings.ts'

const commit = 'a'.repeat(40)
const network = smallNetwork()
const text = (value: unknown) => Buffer.from(JSON.stringify(value))
const preprocessor = text({
  do_rescale: true,
  rescale_factor: 1 / 255,
  image_mean: [0.5, 0.4, 0.3],
  image_std: [0.2, 0.2, 0.1],
  size: { shortest_edge: 256 },
  crop_size: { height: 64, width: 48 },
})
const plain = {
  commit,
  card: { license: 'mit' },
  files: {
    'README.md': Buffer.from('a model'),
    'config.json': text({ model_type: 'resnet' }),
    'onnx/model.onnx': network,
    'onnx/model_fp16.onnx': Buffer.from('half'),
    'onnx/model_quantized.onnx': Buffer.from('quantized'),
    'preprocessor_config.json': preprocessor,
  },
}

let cache: string
let hub: HubServer
let settings: HubSettings

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'graft-hub-'))
  const split = splitNetwork('weights/model.onnx_data')
  hub = await startHub({
    'some/plain': plain,
    'some/gated': { ...plain, gated: true, token: 'hf_right' },
    'some/private': { ...plain, token: 'hf_right' },
    'some/weights': { ...plain, files: { README: plain.files['README.md'] } },
    'some/converted': { ...plain, card: { base_model: ['some/plain'] } },
    'some/split': {
      commit,
      files: { 'model.onnx': split.model, 'weights/model.onnx_data': split.weights },
    },
  })
  settings = testSettings(hub.endpoint, cache)
})
afterEach(async () => {
  await hub.close()
  await rm(cache, { recursive: true, force: true })
})

const resolve = (spec: string, changes: Partial<HubSettings> = {}) =>
  collect(resolveBackbone(spec, { ...settings, ...changes }))
const notices = (events: readonly { type: string; sentence?: string }[]) =>
  events.flatMap(({ type, sentence }) => (type === 'notice' ? [sentence] : []))
const contents = () => hub.asked.filter(({ path }) => path.startsWith('/content/'))
const kept = async () =>
  (await readdir(cache, { recursive: true })).filter((path) => /[.]onnx$|part$/.test(path))

describe('a name on the hub', () => {
  it('gives the float32 file, what is said of its images, the commit and the licence', async () => {
    const { result, events } = await resolve('some/plain')
    expect(result).toEqual({
      name: 'some/plain',
      spec: `some/plain@${commit}:onnx/model.onnx`,
      path: expect.stringContaining(commit),
      digest: sha256(network),
      revision: commit,
      license: 'mit',
      normalization: {
        name: 'preprocessor_config.json',
        mean: [0.5, 0.4, 0.3],
        std: [0.2, 0.2, 0.1],
        order: 'RGB',
      },
      size: { height: 64, width: 48 },
    } satisfies ResolvedBackbone)
    expect(sha256(await readFile(result.path))).toBe(sha256(network))
    const steps = events.filter((event) => event.type === 'progress')
    expect(steps.at(-1)).toMatchObject({ done: expect.any(Number) })
    for (const { done, total } of steps) expect(done).toBeLessThanOrEqual(total)
    expect(notices(events)).toEqual([])
  })

  it('is asked for again, but its files are not', async () => {
    const first = await resolve('some/plain')
    hub.asked.length = 0
    const second = await resolve('some/plain')
    expect(second.result).toEqual(first.result)
    expect(hub.asked.map(({ path }) => path.split('?')[0])).toEqual([
      '/api/models/some/plain/revision/main',
    ])
  })

  it('needs no request at all with a commit that is in the cache, as a resumed run has it', async () => {
    const first = await resolve('some/plain@v1')
    hub.asked.length = 0
    const { result } = await resolve(first.result.spec)
    expect(result).toEqual(first.result)
    expect(hub.asked).toEqual([])
  })

  it('takes a branch or tag, and the file that is named', async () => {
    const { result } = await resolve('some/plain@v1:onnx/model.onnx')
    expect(hub.asked[0]?.path).toContain('/api/models/some/plain/revision/v1?')
    expect(result.revision).toBe(commit)
    const page = await resolve(`${hub.endpoint}/some/plain/blob/v1/onnx/model.onnx`)
    expect(page.result).toEqual(result)
  })

  it('brings the files that a network keeps its weights in', async () => {
    const { result } = await resolve('some/split')
    const { readModelFile } = await import('../graph/read-file.ts')
    const [weight] = [...(await readModelFile(result.path)).initializers.values()]
    expect(weight?.data.length).toBe(1000)
    expect(result).toMatchObject({ license: null, normalization: null, size: null })
  })

  it('has the licence of the model that it was converted from where it states none', async () => {
    const { result } = await resolve('some/converted')
    expect(result.license).toBe('mit (that of some/plain)')
  })

  it('is the same for two that want it at once', async () => {
    const [first, second] = await Promise.all([resolve('some/plain'), resolve('some/plain')])
    expect(first.result).toEqual(second.result)
    expect(sha256(await readFile(first.result.path))).toBe(sha256(network))
    expect(await kept()).toEqual([expect.stringMatching(/onnx\/model.onnx$/)])
  })
})

describe('a token', () => {
  it('is sent to the hub, and not to where its files are', async () => {
    const { result } = await resolve('some/private', { token: 'hf_right' })
    expect(result.digest).toBe(sha256(network))
    const own = hub.asked.filter(({ path }) => !path.startsWith('/content/'))
    expect(new Set(own.map(({ authorization }) => authorization))).toEqual(
      new Set(['Bearer hf_right']),
    )
    expect(contents().map(({ authorization }) => authorization)).toEqual([undefined])
  })
})

describe('one line says what to do for', () => {
  const refusals: Readonly<Record<string, readonly [string, string | null, RegExp]>> = {
    'a model that is not there': [
      'no/model',
      null,
      /^no\/model: there is no public model.*HF_TOKEN/,
    ],
    'a model that is not there, with a token': [
      'no/model',
      'hf_x',
      /no such model.*check the name/,
    ],
    'a private model': ['some/private', null, /no public model of that name/],
    'a token that may not': ['some/private', 'hf_wrong', /may not read it/],
    'a gated model': ['some/gated', null, /terms have to be accepted.*some\/gated.*HF_TOKEN/],
    'a gated model, with a token': ['some/gated', 'hf_wrong', /terms have to be accepted/],
    'a revision that is not there': ['some/plain@v2', null, /has no revision "v2": .*tree\/main/],
    'a repository without ONNX': ['some/weights', null, /no ONNX file.*optimum-cli export onnx/],
    'a file that is not there': [
      'some/plain:x.onnx',
      null,
      /no file "x.onnx", but onnx\/model.onnx/,
    ],
  }
  it.each(Object.entries(refusals))('%s', async (_, [spec, token, message]) => {
    await expect(resolve(spec, { token })).rejects.toThrow(message)
  })
})

describe('an answer of the hub', () => {
  const api = '/api/models/some/plain/revision/main'

  it('is asked for again where the hub is busy', async () => {
    hub.faults.set(api, [{ type: 'status', status: 503 }])
    const { result } = await resolve('some/plain')
    expect(result.revision).toBe(commit)
    expect(hub.asked.filter(({ path }) => path.startsWith(api))).toHaveLength(2)
  })

  it('that comes from somebody else is said to be strange', async () => {
    hub.faults.set(api, [{ type: 'page' }])
    await expect(resolve('some/plain')).rejects.toThrow(
      /does not answer as a Hugging Face hub does/,
    )
  })

  it('cannot put files outside the cache', async () => {
    const files = { '../../../evil.onnx': network, 'good.onnx': network }
    hub.models.set('some/evil', { commit, files })
    const { result } = await resolve('some/evil')
    expect(result.spec).toBe(`some/evil@${commit}:good.onnx`)
    const split = splitNetwork('../../../../../../evil.data').model
    hub.models.set('some/evil2', { commit, files: { 'model.onnx': split } })
    await expect(resolve('some/evil2')).rejects.toThrow(
      /lacks ".*evil.data", which its network needs/,
    )
  })
})

describe('offline', () => {
  const offline = { isOffline: true }

  it('the cache gives what a branch was, without any request', async () => {
    const { result } = await resolve('some/plain')
    hub.asked.length = 0
    expect((await resolve('some/plain', offline)).result).toEqual(result)
    expect(hub.asked).toEqual([])
  })

  it('one line says where to put a model that is not in the cache', async () => {
    await expect(resolve('some/plain', offline)).rejects.toThrow(
      /^some\/plain: is not in the cache, and Graft is offline.*download its ONNX file elsewhere, and give the path/,
    )
    expect(hub.asked).toEqual([])
  })

  it('a damaged file is said to be so', async () => {
    const { result } = await resolve('some/plain')
    await writeFile(result.path, 'damaged')
    await expect(resolve('some/plain', offline)).rejects.toThrow(/the cached file is damaged/)
  })

  it('an unreachable hub means the same, with a notice', async () => {
    const { result } = await resolve('some/plain')
    await hub.close()
    const again = await resolve('some/plain')
    expect(again.result).toEqual(result)
    expect(notices(again.events)).toEqual([
      expect.stringMatching(/some\/plain@main: commit aaaaaaa.*the connection was refused/),
    ])
    await expect(resolve('some/split')).rejects.toThrow(/cannot be reached: the connection was/)
  })
})

describe('a file in the cache', () => {
  it('that cannot be written is an error that says so', async () => {
    await writeFile(join(cache, 'hub'), 'a file where a folder should be')
    await expect(resolve('some/plain')).rejects.toThrow(/cannot be written .*set GRAFT_CACHE/)
  })

  it('is downloaded anew, with a notice, where it is damaged', async () => {
    const { result } = await resolve('some/plain')
    const damaged = Buffer.from(network)
    damaged[100] = (damaged[100] as number) ^ 1
    await writeFile(result.path, damaged)
    const { events } = await resolve('some/plain')
    expect(notices(events)).toEqual([expect.stringMatching(/damaged in the cache/)])
    expect(sha256(await readFile(result.path))).toBe(sha256(network))
  })

  it('is found where the listing of its commit is damaged', async () => {
    const { result } = await resolve('some/plain')
    const listing = join(result.path, '..', '..', '.listing.json')
    await writeFile(listing, '{"files":')
    expect((await resolve('some/plain')).result).toEqual(result)
    expect(contents()).toHaveLength(1)
  })
})
