import { GraftError } from '../errors.ts'
import type { BackboneEvent, ResolvedBackbone } from './backbone.ts'
import { isReachable } from './connection.ts'
import { resolveBackbone } from './resolve.ts'
import { type HubSettings, hubSettings } from './settings.ts'

type Row = {
  /** With the commit, so that the same command gets the same network in a year. */
  readonly spec: string
  /** For one image of 224 pixels. */
  readonly multiplyAdds: number
  /** The longer side of the images, in pixels, from which on it is considered. */
  readonly leastSide: number
  /** That of the network which the repository was converted from, where the repository itself states none. */
  readonly license: string
}

/** The backbones that are taken where the user names none, better ones first. */
export const defaultBackbones: readonly Row[] = [
  {
    spec: 'Xenova/dinov2-small@bd222e886723524568931e43031f6d9327896fac',
    multiplyAdds: 6.1e9,
    leastSide: 65,
    license: 'apache-2.0 (that of facebook/dinov2-small)',
  },
  {
    spec: 'Xenova/resnet-50@cb5fff4a2ac9afa50eec9cfbdb1c92663d9ef51b',
    multiplyAdds: 4.1e9,
    leastSide: 65,
    license: 'apache-2.0 (that of microsoft/resnet-50)',
  },
  {
    spec: 'Xenova/resnet-18@957422cff86e0c0a2807a472a90cc0e4daf44b18',
    multiplyAdds: 1.8e9,
    leastSide: 0,
    license: 'apache-2.0 (that of microsoft/resnet-18)',
  },
  {
    spec: 'onnx-community/mobilenetv4_conv_small.e2400_r224_in1k@3ba07f12712fa58fd6b3d661f9909c9e332c5005',
    multiplyAdds: 0.2e9,
    leastSide: 0,
    license: 'apache-2.0 (that of timm/mobilenetv4_conv_small.e2400_r224_in1k)',
  },
]

/** Why there is no default to be had, and what to do. */
export type Missing = { readonly missing: string }

/** What a default is chosen for. */
export type Need = {
  readonly height: number
  readonly width: number
  /** The labelled images. */
  readonly images: number
  /** What reusing a network may cost in all. */
  readonly multiplyAdds: number
}

/** The default backbones that suit, better ones first: their features of all images take at most half the budget. The cheapest always does. */
export function suitableBackbones({ height, width, images, multiplyAdds }: Need): readonly Row[] {
  return defaultBackbones.filter(
    (row, index) =>
      index === defaultBackbones.length - 1 ||
      (Math.max(height, width) >= row.leastSide && 2 * images * row.multiplyAdds <= multiplyAdds),
  )
}

/**
 * Finds a backbone where the user named none: the best of the table that suits, from the hub, or from the cache where the hub cannot be
 * reached. A short question finds out whether it can be; offline there is none.
 */
export async function* defaultBackbone(
  need: Need,
  settings: HubSettings = hubSettings(),
): AsyncGenerator<BackboneEvent, ResolvedBackbone | Missing> {
  const isOnline = !settings.isOffline && (await isReachable(settings.endpoint, settings.patience))
  const suitable = suitableBackbones(need)
  let reason = settings.isOffline ? 'Graft is offline' : `${settings.endpoint} cannot be reached`
  for (const { spec, license } of isOnline ? suitable.slice(0, 1) : suitable) {
    try {
      const found = yield* resolveBackbone(spec, { ...settings, isOffline: !isOnline })
      return { ...found, license: found.license ?? license }
    } catch (error) {
      if (!(error instanceof GraftError)) throw error
      if (isOnline) reason = error.message
    }
  }
  const missing = `no network is reused, for none was named and ${reason}: give one with --backbone FILE.onnx, or "none" to train from scratch only`
  return { missing }
}
