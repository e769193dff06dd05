import { describe, expect, it } from 'vitest'
import { hubSettings } from './settings.ts'
import { parseSpec, type Spec } from './spec.ts'

const endpoint = 'https://hub.example'
const hub = (repository: string, revision: string | null = null, file: string | null = null) =>
  ({ kind: 'hub', repository, revision, file }) as const

describe('a backbone is named by', () => {
  const forms: Readonly<Record<string, Spec>> = {
    'package.json': { kind: 'file', path: 'package.json' },
    'gone.onnx': { kind: 'file', path: 'gone.onnx' },
    'models/gone.onnx': { kind: 'file', path: 'models/gone.onnx' },
    'https://example.com/net.onnx?raw=1': {
      kind: 'url',
      url: 'https://example.com/net.onnx?raw=1',
    },
    'Xenova/resnet-18': hub('Xenova/resnet-18'),
    'a/b_c.d-1@refs/pr/3': hub('a/b_c.d-1', 'refs/pr/3'),
    'a/b@v1.0:onnx/model.onnx': hub('a/b', 'v1.0', 'onnx/model.onnx'),
    'a/b:model.onnx': hub('a/b', null, 'model.onnx'),
    'https://hub.example/a/b': hub('a/b'),
    'https://hub.example/a/b/tree/main/onnx': hub('a/b', 'main'),
    'https://hub.example/a/b/blob/refs%2Fpr%2F3/onnx/model.onnx?x=1': hub(
      'a/b',
      'refs/pr/3',
      'onnx/model.onnx',
    ),
  }
  it.each(Object.entries(forms))('%s', (text, spec) => {
    expect(parseSpec(text, endpoint)).toEqual(spec)
  })

  it.each(['resnet-18', './gone', 'a/b/c', 'a/b:model.pt', 'a b/c', '', '../a/b'])(
    'anything but "%s"',
    (text) => {
      expect(() => parseSpec(text, endpoint)).toThrow(
        /no such file: give an ONNX file, an https:\/\/ address, owner\/name\[@revision\]/,
      )
    },
  )
})

describe('the environment', () => {
  it('says which hub, which token, and whether there is a network', () => {
    const settings = hubSettings({
      HF_ENDPOINT: 'https://mirror.example/',
      HF_TOKEN: ' hf_x\n',
      HF_HUB_OFFLINE: 'ON',
      GRAFT_CACHE: '/cache',
    })
    expect(settings).toMatchObject({
      endpoint: 'https://mirror.example',
      token: 'hf_x',
      isOffline: true,
      cache: '/cache',
    })
    expect(hubSettings({})).toMatchObject({
      endpoint: 'https://huggingface.co',
      token: null,
      isOffline: false,
    })
    expect(hubSettings({ GRAFT_OFFLINE: '1' }).isOffline).toBe(true)
    expect(hubSettings({ HF_HUB_OFFLINE: '0' }).isOffline).toBe(false)
    expect(() => hubSettings({ HF_ENDPOINT: 'mirror' })).toThrow(/HF_ENDPOINT is "mirror"/)
  })
})

it('an address with a % that begins no code is one that cannot be read', () => {
  expect(() => parseSpec('https://host.example/100%.onnx', endpoint)).toThrow(
    'https://host.example/100%.onnx: not an address',
  )
})
