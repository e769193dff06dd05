import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readModel, run, type Tensor, vjp } from '../src/engine.ts'
import { GraftError } from '../src/errors.ts'
import { writeFileAtomic } from '../src/files.ts'
import { decode, type Encoded } from '../testing/golden.ts'
import { badness, type Checked, type Comparison, type Outcome, report } from './operators-report.ts'
import { findPytorch, howToInstall } from './pytorch.ts'

/** The operators of PyTorch that are checked unless others are named. */
const usual = [
  ...['conv1d', 'conv2d', 'conv3d', 'conv_transpose1d', 'conv_transpose2d', 'conv_transpose3d'],
  ...['max_pool1d', 'max_pool2d', 'max_pool3d', 'avg_pool1d', 'avg_pool2d', 'avg_pool3d'],
  ...['adaptive_avg_pool1d', 'adaptive_avg_pool2d', 'adaptive_avg_pool3d'],
  ...['adaptive_max_pool1d', 'adaptive_max_pool2d', 'adaptive_max_pool3d', 'lp_pool2d'],
  ...[
    'batch_norm',
    'layer_norm',
    'group_norm',
    'instance_norm',
    'local_response_norm',
    'normalize',
  ],
  ...['softmin', 'grid_sample', 'interpolate', 'pixel_shuffle', 'pixel_unshuffle'],
].map((name) => `nn.functional.${name}`)
const others = [
  ...['softmax', 'log_softmax', 'logsumexp', 'gather', 'scatter', 'scatter_add', 'scatter_reduce'],
  ...['take_along_dim', 'index_select', 'index_add', 'index_put', 'take', 'select_scatter'],
]

/** A true value in float64, with the error of PyTorch's own arithmetic relative to `scale`. */
type Exact = Encoded & { readonly scale: number; readonly ownError: number }

/** A line of `pytorch/operators.py`. */
type Sample = {
  readonly operator: string
  readonly missing?: true
  readonly dtype: 'float32' | 'float64'
  readonly index: number
  readonly arguments: string
  readonly skipped?: string
  readonly unexported?: string
  readonly model: string
  readonly inputs: Readonly<Record<string, Encoded>>
  readonly cotangents: readonly Encoded[]
  readonly exact: Readonly<Record<string, Exact>>
}

/** What rounding allows beside PyTorch's own error, and half a unit in the last place. */
const precisions = {
  float32: { floor: 1e-6, half: 2 ** -24 },
  // Files hold attributes such as an epsilon in float32.
  float64: { floor: 2 ** -24, half: 2 ** -53 },
}

/**
 * Holds our gradients against PyTorch's on PyTorch's own samples of its operators (OpInfo), in float32 and float64, and prints how
 * many pass and the worst of them.
 *
 * @param args names of operators, by default the usual ones; `--most N` samples of each, evenly spread, default 60; `--results FILE` keeps
 * what became of each sample
 */
export async function measureOperators(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      most: { type: 'string', default: '60' },
      results: { type: 'string' },
    },
  })
  const pytorch = findPytorch()
  if (!pytorch) throw new GraftError('bad-usage', howToInstall)
  const script = fileURLToPath(new URL('pytorch/operators.py', import.meta.url))
  const operators = positionals.length > 0 ? positionals : [...usual, ...others]
  const child = spawn(
    pytorch.python,
    [script, JSON.stringify({ operators, most: Number(values.most) })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const closed = once(child, 'close')
  const checked: Checked[] = []
  const missing: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const sample: Sample = JSON.parse(line)
    if (sample.missing) missing.push(sample.operator)
    else {
      const { operator, dtype, index } = sample
      checked.push({
        operator,
        dtype,
        index,
        arguments: sample.arguments,
        ...(await check(sample)),
      })
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${checked.length}, ${operator}`)
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const [code, signal] = await closed
  if (code !== 0) {
    const after = checked.at(-1)?.operator ?? 'its start'
    throw new GraftError('internal', `PyTorch ended with ${signal ?? code} after ${after}`)
  }
  console.log(`PyTorch ${pytorch.version}; not among its samples: ${missing.join(', ') || 'none'}`)
  report(checked)
  if (values.results) {
    const content = { pytorch: pytorch.version, missing, checked }
    await writeFileAtomic(values.results, `${JSON.stringify(content, null, 2)}\n`)
  }
}

async function check(sample: Sample): Promise<Outcome> {
  if (sample.skipped) return { kind: 'skipped', reason: sample.skipped }
  if (sample.unexported) return { kind: 'not exportable', reason: sample.unexported }
  const decoded = Object.entries(sample.inputs).map(([name, value]) => [name, decode(value)])
  const inputs: Record<string, Tensor> = Object.fromEntries(decoded)
  const forward = await orReason(async () => {
    const graph = readModel(Buffer.from(sample.model, 'base64'))
    return { graph, results: await run(graph, inputs) }
  })
  if ('reason' in forward) return { kind: 'does not run', reason: forward.reason }
  const { graph, results } = forward
  // Indices are outputs too, and have no cotangents.
  const names = graph.outputs
    .map(({ name }) => name)
    .filter((name) => results[name]?.type.startsWith('float'))
  const outputs = names.map((name, index) => compare(sample, `output ${index}`, results[name]))
  const wrong = outputs.filter(({ passed }) => !passed)
  if (wrong.length > 0) return { kind: 'other value', worst: worstOf(wrong) }

  const cotangents = Object.fromEntries(
    sample.cotangents.map((value, index) => [names[index] as string, decode(value)]),
  )
  const wrt = Object.keys(sample.exact).filter((name) => !name.startsWith('output '))
  const backward = await orReason(() => vjp(graph, inputs, cotangents, wrt))
  if ('reason' in backward) return { kind: 'refused', reason: String(backward.reason) }
  const compared = wrt.map((name) => compare(sample, name, backward[name]))
  const passed = compared.every((comparison) => comparison.passed)
  return { kind: passed ? 'passed' : 'wrong', worst: worstOf(compared) }
}

/** What a function gives, or the message of its error. */
async function orReason<T>(given: () => Promise<T>): Promise<T | { readonly reason: string }> {
  try {
    return await given()
  } catch (error) {
    if (!(error instanceof GraftError)) throw error
    return { reason: error.message }
  }
}

function compare(sample: Sample, value: string, tensor: Tensor | undefined): Comparison {
  const { floor, half } = precisions[sample.dtype]
  const { scale, ownError: own, ...encoded } = sample.exact[value] as Exact
  const exact = decode(encoded)
  const fits = tensor?.dims.join() === exact.dims.join()
  const differences = Array.from(exact.data, Number).map((x, i) => Number(tensor?.data[i]) - x)
  const error = fits ? norm(differences) / scale : Number.POSITIVE_INFINITY
  const passed = error <= 10 * own + floor
  return { value, error, own, ratio: error / Math.max(own, half), passed }
}

const norm = (values: readonly number[]) =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

function worstOf(comparisons: readonly Comparison[]): Comparison {
  return comparisons.reduce((a, b) => (badness(b) > badness(a) ? b : a))
}
