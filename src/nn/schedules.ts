/** The share of the base learning rate at a step, given the number of steps in all; steps count from 0. */
export type Schedule = (step: number, steps: number) => number

export const constantRate: Schedule = () => 1

/** From 1 down to 0 along half a cosine (Loshchilov and Hutter, 2017, without restarts). */
export const cosine: Schedule = (step, steps) =>
  (1 + Math.cos((Math.PI * step) / Math.max(steps, 1))) / 2

/**
 * Up along a cosine for the first part, then down (Smith and Topin, 2018).
 *
 * @param options.rise the share of steps that rises; default 0.3
 * @param options.start the first share of the rate; default 1/25
 * @param options.end the last; default 1e-4
 */
export function oneCycle({ rise = 0.3, start = 1 / 25, end = 1e-4 } = {}): Schedule {
  const between = (from: number, to: number, part: number) =>
    from + ((to - from) * (1 - Math.cos(Math.PI * part))) / 2
  return (step, steps) => {
    const last = steps - 1
    const peak = rise * last
    if (step < peak) return between(start, 1, step / peak)
    return last > peak ? between(1, end, (step - peak) / (last - peak)) : 1
  }
}

/** A straight rise from near 0 over the first `count` steps, and then the other schedule over the rest. */
export function warmUp(count: number, then: Schedule = constantRate): Schedule {
  return (step, steps) =>
    step < count ? (step + 1) / (count + 1) : then(step - count, Math.max(steps - count, 1))
}
