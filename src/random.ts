/** A seeded generator of random numbers. It is always an argument, never global. */
export type Random = {
  /** A float in [0, 1). */
  uniform(): number
  /** A sample of the standard normal distribution. */
  normal(): number
  /** An integer in [0, bound). */
  integer(bound: number): number
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[]
  /**
   * An independent generator for one purpose. It depends on the seed and the labels alone, not on how many numbers
   * were drawn before, so that resumed work draws the same numbers.
   */
  fork(label: string | number): Random
}

/**
 * A generator from a seed: sfc32 (Doty-Humphrey, PractRand), seeded through a 128-bit FNV-like hash of the seed and the
 * labels of its forks.
 */
export function createRandom(seed: number | string): Random {
  let [a, b, c, d] = hash128(String(seed))

  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return (t >>> 0) / 4294967296
  }
  // The first outputs still show the seed.
  for (let i = 0; i < 15; i++) next()

  let spare: number | undefined
  const random: Random = {
    uniform: next,
    normal() {
      if (spare !== undefined) {
        const value = spare
        spare = undefined
        return value
      }
      const radius = Math.sqrt(-2 * Math.log(1 - next())) // Box-Muller
      const angle = 2 * Math.PI * next()
      spare = radius * Math.sin(angle)
      return radius * Math.cos(angle)
    },
    integer: (bound) => Math.floor(next() * bound),
    shuffle(items) {
      const result = [...items]
      for (let i = result.length - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1))
        const held = result[i] as (typeof result)[number]
        result[i] = result[j] as (typeof result)[number]
        result[j] = held
      }
      return result
    },
    fork: (label) => createRandom(`${seed}/${label}`),
  }
  return random
}

function hash128(text: string): [number, number, number, number] {
  const lanes: [number, number, number, number] = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x85ebca6b]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    lanes[0] = Math.imul(lanes[0] ^ code, 597399067)
    lanes[1] = Math.imul(lanes[1] ^ code ^ (lanes[0] >>> 15), 2869860233)
    lanes[2] = Math.imul(lanes[2] ^ code ^ (lanes[1] >>> 13), 951274213)
    lanes[3] = Math.imul(lanes[3] ^ code ^ (lanes[2] >>> 16), 2716044179)
  }
  return lanes
}
