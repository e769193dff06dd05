import { describe, expect, it } from 'vitest'
import { demoInput } from '../../testing/run-records.ts'
import { expectReport, words } from '../../testing/well-formed.ts'
import { comparePaired } from '../statistics/paired.ts'
import type { DemoSeed } from './demo-input.ts'
import { demoReport, demoVerdict } from './demo-report.ts'

const withAccuracies = (scratch: number[], grafted: number[]) =>
  demoInput({
    seeds: scratch.map(
      (accuracy, seed): DemoSeed => ({
        seed,
        scratch: { accuracy, curve: [] },
        grafted: { accuracy: grafted[seed] as number, curve: [] },
        sourceAccuracy: 0.9,
      }),
    ),
    comparison: comparePaired(grafted, scratch),
  })

const verdict = (scratch: number[], grafted: number[]) =>
  demoVerdict(withAccuracies(scratch, grafted)).replace(/\s/g, ' ')

describe('demoVerdict', () => {
  it('says by how much reuse helped, how sure that is, and in how many seeds', () => {
    expect(verdict([0.8, 0.82, 0.81, 0.79], [0.9, 0.91, 0.9, 0.88])).toMatch(
      /^Grafting helped: it raised the accuracy with 200 labels by 9\.3 points on average \(95 % interval \d\.\d to \d+\.\d, p [=<] 0\.\d+\)\. Reuse won in 4 of 4 seeds\.$/,
    )
  })

  it('says as plainly that it hurt', () => {
    expect(verdict([0.9, 0.91, 0.9, 0.88], [0.8, 0.82, 0.81, 0.79])).toMatch(
      /^Grafting hurt: it lowered the accuracy with 200 labels by 9\.3 points.*Reuse won in 0 of 4 seeds\.$/,
    )
  })

  it('does not claim a difference that may be chance, and counts ties', () => {
    expect(verdict([0.8, 0.85, 0.83], [0.82, 0.84, 0.83])).toMatch(
      /^No reliable difference: .*changed the accuracy by 0\.3 points.*Reuse won in 1 of 3 seeds and tied in 1\.$/,
    )
  })
})

describe('demoReport', async () => {
  const input = demoInput()
  const report = await demoReport(input)
  const text = words(report)

  it('is one well-formed document that loads nothing', () => expectReport(report))

  it('shows the verdict, every seed and the source of the data', () => {
    expect(text).toContain(demoVerdict(input).replace(/\s/g, ' '))
    for (const { scratch, grafted } of input.seeds) {
      expect(text).toContain(`${(100 * scratch.accuracy).toFixed(1)} %`)
      expect(text).toContain(`${(100 * grafted.accuracy).toFixed(1)} %`)
    }
    expect(text).toContain('Fashion-MNIST , licence: MIT')
  })

  it('shows the sample images as PNG in the page itself', async () => {
    const images = [...report.matchAll(/src="data:image\/png;base64,([^"]+)"/g)]
    expect(images).toHaveLength(input.sampleImages.length)
    const { default: sharp } = await import('sharp')
    const decoded = await sharp(Buffer.from(images[0]?.[1] as string, 'base64'))
      .extractChannel(0)
      .raw()
      .toBuffer()
    expect(Uint8Array.from(decoded)).toEqual(input.sampleImages[0]?.pixels)
  })

  it('stands names of strangers, and no seeds, curves or images at all', async () => {
    const strange = '<script>alert(1)</script>'
    const empty = await demoReport({
      ...withAccuracies([0.8], [0.9]),
      title: strange,
      classes: [strange, '"'],
      seeds: [],
      sampleImages: [],
      seconds: Number.NaN,
      dataSource: { name: strange, licence: strange, url: 'javascript:alert(1)' },
    })
    expectReport(empty)
    expect(empty).not.toContain('javascript:')
    expectReport(await demoReport(withAccuracies([0.8], [0.9])))
  })
})
