import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect } from '../../testing/collect.ts'
import { smallNetwork } from '../../testing/hub-files.ts'
import { type HubServer, startHub, testSettings } from '../../testing/hub-server.ts'
import { defaultBackbone, defaultBackbones, suitableBackbones } from './default-backbone.ts'
import type { HubSettings } from './settings.ts'
import { parseSpec } from './spec.ts'

const photographs = { height: 300, width: 400, images: 100, multiplyAdds: 2e12 }
const namesFor = (need: typeof photographs) =>
  suitableBackbones(need).map(({ spec }) => spec.split('@')[0])

describe('the default backbone', () => {
  it('is named with a commit, so that it stays the same', () => {
    for (const { spec } of defaultBackbones) {
      expect(parseSpec(spec, 'https://huggingface.co')).toMatchObject({
        kind: 'hub',
        revision: expect.stringMatching(/^[0-9a-f]{40}$/),
      })
    }
  })

  it('is as good as the budget allows', () => {
    expect(namesFor(photographs)[0]).toBe('Xenova/dinov2-small')
    expect(namesFor({ ...photographs, images: 200 })[0]).toBe('Xenova/resnet-50')
    expect(namesFor({ ...photographs, images: 500 })[0]).toBe('Xenova/resnet-18')
    expect(namesFor({ ...photographs, images: 1e6 })).toEqual([
      'onnx-community/mobilenetv4_conv_small.e2400_r224_in1k',
    ])
  })

  it('is a small one for small images', () => {
    expect(namesFor({ ...photographs, height: 28, width: 28, images: 10 })[0]).toBe(
      'Xenova/resnet-18',
    )
  })
})

describe('a fit without a named backbone', () => {
  const small = { height: 28, width: 28, images: 10, multiplyAdds: 1e12 }
  let cache: string
  let hub: HubServer
  let settings: HubSettings

  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'graft-default-'))
    const [, , { spec } = { spec: '' }] = defaultBackbones
    const [name = '', commit = ''] = spec.split('@')
    hub = await startHub({ [name]: { commit, files: { 'onnx/model.onnx': smallNetwork() } } })
    settings = testSettings(hub.endpoint, cache)
  })
  afterEach(async () => {
    await hub.close()
    await rm(cache, { recursive: true, force: true })
  })
  const choose = async (changes: Partial<HubSettings> = {}) =>
    (await collect(defaultBackbone(small, { ...settings, ...changes }))).result

  it('gets one from the hub, with the licence of what it was converted from', async () => {
    expect(await choose()).toMatchObject({
      name: 'Xenova/resnet-18',
      license: 'apache-2.0 (that of microsoft/resnet-18)',
    })
  })

  it('gets it from the cache offline, and where the hub is gone', async () => {
    const found = await choose()
    hub.asked.length = 0
    expect(await choose({ isOffline: true })).toEqual(found)
    expect(hub.asked).toEqual([])
    await hub.close()
    expect(await choose()).toEqual(found)
  })

  it('asks nothing offline, and says what to do', async () => {
    expect(await choose({ isOffline: true })).toEqual({
      missing: expect.stringMatching(/Graft is offline: give one with --backbone FILE.onnx/),
    })
    expect(hub.asked).toEqual([])
  })

  it('says why where the hub cannot be reached or has none', async () => {
    hub.models.clear()
    expect(await choose()).toEqual({ missing: expect.stringMatching(/no public model/) })
    await hub.close()
    expect(await choose()).toEqual({
      missing: expect.stringMatching(/cannot be reached: give one/),
    })
  })
})
