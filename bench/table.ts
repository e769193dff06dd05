import { type describeMachine, isBusy } from './machine.ts'
import type { Measured, Summary } from './rounds.ts'
import type { Limit, Missing, Row } from './row.ts'

/** What became of a row. */
export type Result = Pick<Row, 'name' | 'what' | 'limit' | 'unit'> &
  (Missing | (Measured & Details))

type Details = {
  readonly verdict: { readonly met: boolean; readonly clear: boolean } | null
  /** The share of all cores that other programs took just before or just after. */
  readonly busy: number
  readonly flops?: number
  readonly note?: string
}

type Machine = ReturnType<typeof describeMachine>

export function machineLine({ cpu, cores, load, node, onnxruntime, pytorch }: Machine): string {
  const versions = `Node ${node}, ONNX Runtime ${onnxruntime}, PyTorch ${pytorch ?? 'missing'}`
  return `${cpu}, ${cores} cores, load ${load.toFixed(2)}; ${versions}`
}

const columns = [18, 26, 26, 20, 10, 20, 24]
const cells = (values: readonly string[]) =>
  values
    .map((value, column) => value.padEnd(columns[column] as number))
    .join(' ')
    .trimEnd()

export const heading = cells(['row', 'ours', 'other', 'ratio', 'limit', 'met', 'GFLOP/s', 'other'])

/** One line of the table; rates are held against that of the matrix product. */
export function line(result: Result, gemm: Result): string {
  const { name } = result
  if ('missing' in result) return cells([name, `not measured: ${result.missing}`])
  const { ours, others, fastest, ratio, limit, verdict, unit = 'ms' } = result
  const other = others.find((side) => side.name === fastest)
  return cells([
    name,
    `${spread(ours)} ${unit}`,
    other ? `${spread(other)} ${unit}` : '-',
    ratio ? spread(ratio) : '-',
    limitText(limit),
    verdict ? `${verdict.met ? 'yes' : 'no'}${verdict.clear ? '' : ', not clear'}` : '-',
    rateText(result, gemm),
    fastest ?? '-',
  ])
}

const percent = (share: number) => `${(100 * share).toFixed(0)} %`

const spread = ({ median, low, high }: Summary) => `${short(median)} (${short(low)}-${short(high)})`

function limitText(limit: Limit | null): string {
  if (!limit) return '-'
  return 'ms' in limit ? `${limit.ms} ms` : `${limit.ratio} x`
}

function rateText(result: Result, gemm: Result): string {
  const [own, best] = [rateOf(result), rateOf(gemm)]
  if (!own || !best) return '-'
  return `${own.toFixed(0)}, ${percent(own / best)} of gemm`
}

/** Floating-point operations in a second, in units of 1e9. */
const rateOf = (result: Result) =>
  'missing' in result || !result.flops ? null : result.flops / result.ours.median / 1e6

/** How ours stands beside the other sides that do not count. */
export function besides(result: Result): string[] {
  if ('missing' in result) return []
  const { others, fastest, unit = 'ms' } = result
  return others
    .filter(({ name }) => name !== fastest)
    .map((side) => `${spread(side.ratio)} of ${side.name}, ${spread(side)} ${unit}`)
}

/** What makes a row doubtful. */
export function warnings(result: Result): string[] {
  if ('missing' in result) return []
  const { busy, ours, others, note } = result
  const restless = [ours, ...others].filter(
    (side) => others.length > 0 && side.idleShare > mostIdleShare,
  )
  return [
    ...(isBusy(busy) ? [`other programs took ${percent(busy)} of the machine: measure again`] : []),
    ...restless.map(
      (side) =>
        `${side.name} used ${percent(side.idleShare)} of a core while it should have rested`,
    ),
    ...(note ? [note] : []),
  ]
}

/** The share of a core that a side may use between its rounds: its threads look for work for some milliseconds more. */
const mostIdleShare = 0.05

export function toJson(machine: Machine, results: readonly Result[]): string {
  const content = { measured: new Date().toISOString(), machine, rows: results }
  const rounded = (_: string, value: unknown) =>
    typeof value === 'number' ? Number(short(value)) : value
  return `${JSON.stringify(content, rounded, 2)}\n`
}

/** Four digits are more than any of these numbers is worth; large counts stay whole. */
const short = (value: number) =>
  Math.abs(value) >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(value < 10 ? 3 : 4)))
