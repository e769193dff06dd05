import { describe, expect, it } from 'vitest'
import { chooseFile } from './choose-file.ts'

const choose = (...paths: string[]) => chooseFile('a/b', ['README.md', ...paths], null)

describe('of the files of a repository', () => {
  it('the float32 network is taken, whatever else there is', () => {
    const variants = ['bnb4', 'fp16', 'int8', 'q4', 'q4f16', 'quantized', 'uint8']
    const files = variants.map((variant) => `onnx/model_${variant}.onnx`)
    expect(choose(...files, 'onnx/model.onnx', 'onnx/model.onnx_data')).toBe('onnx/model.onnx')
    expect(choose(...files, 'onnx/model_O4.onnx', 'model.onnx')).toBe('model.onnx')
  })

  it('half precision does where there is no float32, and never a quantized one', () => {
    expect(choose('onnx/model_q4.onnx', 'onnx/model_fp16.onnx')).toBe('onnx/model_fp16.onnx')
    expect(() => choose('onnx/model_int8.onnx', 'net-qdq.onnx')).toThrow(
      /quantized networks only \(onnx\/model_int8.onnx, net-qdq.onnx\).*float32/,
    )
  })

  it('the part for images is taken where there is one for texts too', () => {
    expect(choose('onnx/model.onnx', 'onnx/text_model.onnx', 'onnx/vision_model.onnx')).toBe(
      'onnx/vision_model.onnx',
    )
  })

  it('a single one may have any name', () => {
    expect(choose('nets/resnet18-v1-7.onnx', 'nets/resnet18-v1-7-int8.onnx')).toBe(
      'nets/resnet18-v1-7.onnx',
    )
  })

  it('of several without a usual name the user has to name one', () => {
    expect(() => choose('x.onnx', 'y.onnx')).toThrow(
      /several networks: name one as in a\/b:x.onnx; there are x.onnx, y.onnx$/,
    )
    expect(chooseFile('a/b', ['x.onnx', 'y.onnx', 'y_int8.onnx'], 'y_int8.onnx')).toBe(
      'y_int8.onnx',
    )
    const many = Array.from({ length: 9 }, (_, i) => `${i}.onnx`)
    expect(() => choose(...many)).toThrow(/5.onnx and 3 more$/)
  })
})
