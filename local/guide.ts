import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { jobsInputPrefix, jobsResultPrefix } from '../src/contract/keys.ts';
import type { LaptopCloud } from './cloud.ts';
import { faultsPath } from './faults/route.ts';

const model = 'silero-vad';

/** One window of 32 ms of a tone at 16 kHz, for the voice-activity model: no speech, so a small number comes back. */
function sampleRequest(hertz: number): object {
  const samples = Array.from({ length: 512 }, (_, index) =>
    Number((0.5 * Math.sin((2 * Math.PI * hertz * index) / 16_000)).toFixed(4)),
  );
  return {
    inputs: [
      { name: 'input', shape: [1, 512], datatype: 'FP32', data: samples },
      { name: 'state', shape: [2, 1, 128], datatype: 'FP32', data: new Array(256).fill(0) },
      { name: 'sr', shape: [], datatype: 'INT64', data: [16_000] },
    ],
    outputs: [{ name: 'output' }],
  };
}

/** Writes a request and a transform job's input to copy from; gives their paths. */
export async function writeSamples(dataDir: string): Promise<{ request: string; job: string }> {
  const folder = join(dataDir, 'samples');
  await mkdir(folder, { recursive: true });
  const request = join(folder, 'infer.json');
  const job = join(folder, 'tones.jsonl');
  await writeFile(request, JSON.stringify(sampleRequest(440)));
  const lines = [220, 440, 880].map((hertz) => `${JSON.stringify(sampleRequest(hertz))}\n`);
  await writeFile(job, lines.join(''));
  return { request, job };
}

/** How to make things go wrong on purpose: for who wants to see everything. */
export function faultsGuide({ urls }: LaptopCloud): string {
  const put = `curl -X PUT -H 'content-type: application/json'`;
  return `
  Make things go wrong on purpose, the same for the same seed; null ends it, GET tells what has happened:
    ${put} ${urls.lambda}${faultsPath} -d '{"seed":1,"rates":{"kill":0.1,"timeout":0.1,"throttle":0.1,"lostResponse":0.1}}'
    ${put} ${urls.s3}${faultsPath} -d '{"seed":1,"rates":{"slowDown":0.1,"resetMidBody":0.1,"duplicateNotification":0.5}}'
    ${put} ${urls.sqs}${faultsPath} -d '{"seed":1,"rates":{"duplicate":0.2,"delay":0.2,"reorder":0.5}}'
    curl ${urls.lambda}${faultsPath}
    ${put} ${urls.lambda}${faultsPath} -d null
`;
}

/** What is where, and commands to copy. Paths are as seen from the folder that it was started in. */
export function guide(
  cloud: LaptopCloud,
  dataDir: string,
  samples: { readonly request: string; readonly job: string },
): string {
  const { urls, buckets, api } = cloud;
  const here = (path: string) => {
    const fromHere = relative(process.cwd(), path);
    return fromHere.startsWith('..') ? path : fromHere;
  };
  const aws = `aws --endpoint-url ${urls.s3} --no-sign-request`;
  const concurrency = apiConcurrency(cloud);
  const sharing =
    concurrency === 1
      ? ''
      : `\n           ${concurrency} calls at a time in each process: those that wait for one model share a run`;
  const closed = api.routes.some(({ authorizationType }) => authorizationType !== 'NONE');
  return `
  API      ${urls.api}   Open Inference Protocol${closed ? '; on AWS callers sign, here everyone may call' : ''}${sharing}
  S3       ${urls.s3}   ${Object.values(buckets).join(', ')}
  Lambda   ${urls.lambda}   ${cloud.lambda.functionNames.join(', ')}
  Logs     ${here(join(dataDir, 'logs'))}   (to see them here: npm start -- --verbose)

  Is it there, what does a model take, and what does it say?
    curl ${urls.api}/v2/health/ready
    curl ${urls.api}/v2/models/${model}
    curl ${urls.api}/v2/models/${model}/infer -H 'content-type: application/json' -d @${here(samples.request)}

  Models that know their task take the thing itself:
    curl ${urls.api}/v2/models/ocr-recogniser/predict -H 'content-type: image/png' --data-binary @examples/ocr/line.png
    curl ${urls.api}/v2/models/${model}/predict -H 'content-type: audio/wav' --data-binary @examples/speech/sentence.wav

  Serve a model of your own, from the next call on:
    ${aws} s3 cp model.onnx s3://${buckets.models}/my-model/1/model.onnx

  Turn a file into predictions, a request a line, and fetch them:
    ${aws} s3 cp ${here(samples.job)} s3://${buckets.jobs}/${jobsInputPrefix}${model}/
    ${aws} s3 ls --recursive s3://${buckets.results}/${jobsResultPrefix}
    ${aws} s3 cp --recursive s3://${buckets.results}/${jobsResultPrefix} results
`;
}

function apiConcurrency({ api, compute }: LaptopCloud): number {
  const behindApi = compute.functions.filter(({ name }) =>
    api.routes.some(({ functionName }) => functionName === name),
  );
  return Math.max(1, ...behindApi.map(({ environmentConcurrency }) => environmentConcurrency));
}
