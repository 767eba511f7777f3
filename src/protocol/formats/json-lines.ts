import { bodyText } from '../body.ts';
import { parseJsonDocument } from '../json-document.ts';
import {
  type Answer,
  type BodyFormat,
  bareRequest,
  type DecodeContext,
  type Invocation,
} from './format.ts';
import { tensorsOfInstances } from './instances.ts';
import { rowTexts } from './rows.ts';

/** One row a line, in and out; empty lines are passed over. */
export const jsonLinesFormat: BodyFormat = {
  mediaTypes: [
    'application/jsonlines',
    'application/x-jsonlines',
    'application/jsonl',
    'application/x-ndjson',
  ],
  decode(body: Uint8Array | string, { inputs, maximumTextBytes }: DecodeContext): Invocation {
    const documents = bodyText(body, 'JSON', maximumTextBytes)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line, index) => parseJsonDocument(line, `lines[${index}]`));
    const instances = {
      rows: documents.map(({ root }) => root),
      exactRows: () => documents.map((document) => document.exactRoot()),
    };
    const tensors = tensorsOfInstances(instances, inputs, 'lines');
    return { request: bareRequest(tensors), layout: 'rows', withHeader: false };
  },
  encode({ response }: Answer) {
    const body = rowTexts(response.outputs)
      .map((row) => `${row}\n`)
      .join('');
    return { body, headers: { 'content-type': 'application/jsonlines' } };
  },
};
