import { testRules } from '../../../testing/test-rules.ts'
import { trigonometricRules } from './trigonometric.ts'

testRules(trigonometricRules, {
  Acos: { 'inside (-1, 1)': (d) => ({ inputs: [d.between(d.dims(0, 3), -0.8, 0.8)] }) },
  Acosh: { 'above 1': (d) => ({ inputs: [d.between(d.dims(0, 3), 1.5, 3)] }) },
  Asin: { 'inside (-1, 1)': (d) => ({ inputs: [d.between(d.dims(0, 3), -0.8, 0.8)] }) },
  Asinh: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
  Atan: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
  Atanh: { 'inside (-1, 1)': (d) => ({ inputs: [d.between(d.dims(0, 3), -0.7, 0.7)] }) },
  Cos: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
  Cosh: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
  Sin: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
  Sinh: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
  Tan: { 'between poles': (d) => ({ inputs: [d.between(d.dims(0, 3), -1, 1)] }) },
  Tanh: { anywhere: (d) => ({ inputs: [d.normal(d.dims(0, 3))] }) },
})
