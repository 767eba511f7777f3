import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { PredictInput } from '../../../src/tasks/predictor.ts';
import type { Graph } from '../../support/onnx-protobuf.ts';
import { decoders } from '../support/models.ts';
import { constant, predict, tokenizerPath } from './predict.ts';

describe('texts', () => {
  const tokens = 30_522;
  const width = 4;
  const sentences = ['The weather is lovely today.', 'Send the invoice.'];
  /** Multiples of 1/8, which halves and eighths of INT8 hold exactly. */
  const eighths = Int8Array.from({ length: tokens * width }, (_, i) => ((i * 37) % 201) - 100);
  const embedder = { type: 'feature-extraction', pooling: 'mean' } as const;
  const ids = { name: 'input_ids', datatype: 'INT64', shape: [-1, -1] } as const;
  const mask = { name: 'attention_mask', datatype: 'INT64', shape: [-1, -1] } as const;

  async function expectMeans(graph: Graph) {
    const inputs = sentences.map((text): PredictInput => ({ kind: 'text', text }));
    const answers = await predict(graph, { ...embedder, tokenizer: { maxLength: 64 } }, inputs);
    const json = await readFile(tokenizerPath, 'utf8');
    const tokenizer = await decoders.tokenizers.create(json, '{}');
    for (const [index, text] of sentences.entries()) {
      const rows = tokenizer.encode(text, true).ids;
      const answer = answers[index];
      const values = answer?.type === 'embedding' ? [...answer.values] : [];
      expect(values).toHaveLength(width);
      for (const [place, value] of values.entries()) {
        const sum = rows.reduce((total, id) => total + (eighths[id * width + place] ?? 0) / 8, 0);
        expect(value).toBeCloseTo(sum / rows.length, 4);
      }
    }
  }

  test('to embeddings in halves', async () => {
    const table = Float16Array.from(eighths, (value) => value / 8);
    await expectMeans({
      inputs: [ids, mask],
      outputs: [{ name: 'y', datatype: 'FP16', shape: [-1, -1, width] }],
      initializers: [constant('table', 'FP16', [tokens, width], table)],
      nodes: [{ operator: 'Gather', inputs: ['table', 'input_ids'], outputs: ['y'] }],
    });
  });

  test('to embeddings of a quantised table', async () => {
    await expectMeans({
      inputs: [ids, mask],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, -1, width] }],
      initializers: [
        constant('table', 'INT8', [tokens, width], eighths),
        constant('scale', 'FP32', [], Float32Array.of(1 / 8)),
        constant('zero', 'INT8', [], Int8Array.of(0)),
      ],
      nodes: [
        { operator: 'Gather', inputs: ['table', 'input_ids'], outputs: ['rows'] },
        { operator: 'DequantizeLinear', inputs: ['rows', 'scale', 'zero'], outputs: ['y'] },
      ],
    });
  });
});
