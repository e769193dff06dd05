/** A function of many numbers with its gradient. */
export type Differentiable = (
  point: Float64Array,
) => Promise<{ readonly value: number; readonly gradient: Float64Array }>

export type Minimum = {
  readonly point: Float64Array
  readonly value: number
  /** The largest absolute value in the gradient. */
  readonly slope: number
  readonly iterations: number
}

/** How many of the last steps the method remembers: with twice as many an output layer takes as many steps, and each takes longer. */
const memory = 5
/** The share of the decrease promised by the gradient that a step has to bring (Armijo). */
const sufficientDecrease = 1e-4
/** How far a value computed in float32 may be off, relatively: near the minimum nothing decreases by more. */
const rounding = 2 ** -22
/** How often a step is halved before the slope is taken for rounding noise. */
const mostHalvings = 20

/**
 * Minimizes a smooth function by L-BFGS (Nocedal, 1980; Nocedal and Wright, 2006, algorithm 7.5) with backtracking. No randomness and no
 * learning rate: the same function gives the same minimum. Pairs without positive curvature are left out, so that what it remembers stays
 * positive definite.
 *
 * @param options.tolerance it ends where no entry of the gradient is larger; default 1e-5
 * @param options.iterations and after so many steps; default 100
 */
export async function minimize(
  objective: Differentiable,
  start: Float64Array,
  { tolerance = 1e-5, iterations = 100 }: { tolerance?: number; iterations?: number } = {},
): Promise<Minimum> {
  let point = Float64Array.from(start)
  let { value, gradient } = await objective(point)
  const pairs: Pair[] = []
  for (let iteration = 0; ; iteration++) {
    const slope = largest(gradient)
    if (slope <= tolerance || iteration === iterations) {
      return { point, value, slope, iterations: iteration }
    }
    const direction = towardsMinimum(gradient, pairs)
    const promised = dot(direction, gradient)
    // Without a memory nothing says how long a step should be.
    let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(-promised)) : 1
    let next = point
    let found = { value: Number.POSITIVE_INFINITY, gradient }
    for (let halvings = 0; ; halvings++, length /= 2) {
      if (halvings > mostHalvings) return { point, value, slope, iterations: iteration }
      next = point.slice()
      addTo(next, direction, length)
      found = await objective(next)
      const most = value + sufficientDecrease * length * promised + rounding * Math.abs(value)
      if (found.value <= most) break
    }
    const step = difference(next, point)
    const change = difference(found.gradient, gradient)
    const curvature = dot(step, change)
    if (curvature > 1e-10 * dot(change, change)) {
      pairs.push({ step, change, curvature })
      if (pairs.length > memory) pairs.shift()
    }
    point = next
    value = found.value
    gradient = found.gradient
  }
}

/** A step that was made, how the gradient changed on it, and their product. */
type Pair = {
  readonly step: Float64Array
  readonly change: Float64Array
  readonly curvature: number
}

/** The two-loop recursion: minus the inverse Hessian that the pairs imply, times the gradient. */
function towardsMinimum(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const direction = difference(new Float64Array(gradient.length), gradient)
  const shares = new Float64Array(pairs.length)
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { step, change, curvature } = pairs[k] as Pair
    const share = dot(step, direction) / curvature
    shares[k] = share
    addTo(direction, change, -share)
  }
  const last = pairs.at(-1)
  if (last) {
    const scale = last.curvature / dot(last.change, last.change)
    for (let i = 0; i < direction.length; i++) direction[i] = (direction[i] as number) * scale
  }
  for (const [k, { step, change, curvature }] of pairs.entries()) {
    addTo(direction, step, (shares[k] as number) - dot(change, direction) / curvature)
  }
  return direction
}

// Plain loops: with a network's worth of parameters, callbacks take longer than the objective.
function difference(a: Float64Array, b: Float64Array): Float64Array {
  const result = a.slice()
  addTo(result, b, -1)
  return result
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}

function addTo(target: Float64Array, values: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i++) {
    target[i] = (target[i] as number) + factor * (values[i] as number)
  }
}

function largest(values: Float64Array): number {
  let found = 0
  for (let i = 0; i < values.length; i++) found = Math.max(found, Math.abs(values[i] as number))
  return found
}
