import { cacheFolder } from '../data/cache-folder.ts'
import { GraftError } from '../errors.ts'

/** How long to wait for a server, in milliseconds, and how often to ask again. */
export type Patience = {
  /** A connection that gives nothing for so long is broken off; one that is merely slow is not. */
  readonly stall: number
  /** Further attempts after one that failed for a passing reason. An attempt that got further does not count. */
  readonly retries: number
  /** The pause before the first of them; it doubles each time. */
  readonly pause: number
  /** For finding out whether there is a network at all. */
  readonly probe: number
}

/** Where backbones come from, and where they are kept. */
export type HubSettings = {
  /** The address of the hub, without a slash at its end. */
  readonly endpoint: string
  readonly token: string | null
  /** Nothing may be asked over the network. */
  readonly isOffline: boolean
  readonly cache: string
  readonly patience: Patience
}

const patience: Patience = { stall: 30_000, retries: 4, pause: 500, probe: 3000 }

/**
 * Reads the settings from the environment, by the names that Hugging Face's own tools use: `HF_ENDPOINT`, `HF_TOKEN` and `HF_HUB_OFFLINE`
 * (or `GRAFT_OFFLINE`); and `GRAFT_CACHE`.
 *
 * @throws GraftError `bad-usage` where `HF_ENDPOINT` is no address
 */
export function hubSettings(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): HubSettings {
  const { HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, GRAFT_OFFLINE } = environment
  const endpoint = (HF_ENDPOINT?.trim() || 'https://huggingface.co').replace(/\/+$/, '')
  if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
    throw new GraftError(
      'bad-usage',
      `HF_ENDPOINT is "${endpoint}": give the address of a hub, such as https://huggingface.co`,
    )
  }
  const isOn = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value?.trim() ?? '')
  return {
    endpoint,
    token: HF_TOKEN?.trim() || null,
    isOffline: isOn(HF_HUB_OFFLINE) || isOn(GRAFT_OFFLINE),
    cache: cacheFolder(environment),
    patience,
  }
}
