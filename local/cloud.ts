import { join } from 'node:path';
import { type Build, build } from './build.ts';
import { dataFolderError, lockData } from './data-lock.ts';
import { type EventSourceMapping, startEventSourceMapping } from './event-source/mapping.ts';
import { type BusEvent, type EventsServer, startEvents } from './events/server.ts';
import { type Gateway, startGateway } from './gateway/server.ts';
import type { RuntimeLimits } from './lambda/function-settings.ts';
import { type InvokeEndpoint, openInvokeEndpoint } from './lambda/invoke-endpoint.ts';
import { type Lambda, startLambda } from './lambda/service.ts';
import { type S3Server, startS3 } from './s3/server.ts';
import { type SqsServer, startSqs } from './sqs/server.ts';
import { type ComputeDescription, describeCompute } from './template/compute.ts';
import { describeHttpApi, type HttpApiDescription } from './template/http-api.ts';
import { describeStorage, type StorageDescription } from './template/storage.ts';
import { findTemplate, readTemplate } from './template/template.ts';
import { type BucketNames, bucketNames, functionSettings, notificationsOf } from './wiring.ts';

export interface LaptopCloudOptions {
  /** Where objects, messages and logs are kept; a later start finds them again. */
  readonly dataDir: string;
  /** Each 0 for a free one. @default 0 */
  readonly ports?: {
    readonly s3?: number;
    readonly api?: number;
    readonly sqs?: number;
  };
  /** What to run. @default the project's own stack, built when its sources have changed */
  readonly build?: Build;
  /** Of the functions' environments. @default as many processes a function as there are processors, 4 at least */
  readonly limits?: Partial<RuntimeLimits>;
  /**
   * Calls that one environment of the functions behind the HTTP API takes at a time.
   * @default what the template says: one, unless they run on managed instances
   */
  readonly apiConcurrency?: number | undefined;
  /** Hears each line that a function prints. @default nobody */
  readonly onLogLine?: (functionName: string, line: string) => void;
  /** Hears of each object that comes into the results bucket. @default nobody */
  readonly onResult?: (key: string, bucket: string) => void;
  /** Hears of each event that is put on a bus. @default nobody */
  readonly onEvent?: (event: BusEvent) => void;
  /** Hears, in a sentence, of what went wrong inside. @default nobody */
  readonly onProblem?: (sentence: string) => void;
}

/** AWS, as far as the template needs it, on loopback. */
export interface LaptopCloud {
  /** Endpoints, without a slash at the end. */
  readonly urls: {
    readonly api: string;
    readonly s3: string;
    readonly sqs: string;
    readonly lambda: string;
    readonly events: string;
  };
  /** Names of the buckets by what they are for. */
  readonly buckets: BucketNames;
  readonly storage: StorageDescription;
  readonly compute: ComputeDescription;
  readonly api: HttpApiDescription;
  /** The servers themselves: faults to inject, queue depths, environments to count and to kill, events to read. */
  readonly s3: S3Server;
  readonly sqs: SqsServer;
  readonly lambda: Lambda;
  readonly events: EventsServer;
  /** Event source mappings by the name of their queue. */
  readonly mappings: ReadonlyMap<string, EventSourceMapping>;
  /**
   * Stops everything; when it resolves no process is left. Calls and shards under way get that long to
   * finish; a shard that does not is done again after the next start. A second call waits for the first.
   * @param graceMs @default 0
   */
  close(graceMs?: number): Promise<void>;
}

/** What runs, in the order in which it is started. */
interface Parts {
  unlock?: () => Promise<void>;
  sqs?: SqsServer;
  s3?: S3Server;
  events?: EventsServer;
  lambda?: Lambda;
  invokeEndpoint?: InvokeEndpoint;
  gateway?: Gateway;
  mappings: Map<string, EventSourceMapping>;
}

/**
 * Starts the laptop cloud from the synthesised template: what is there, what leads where and with which
 * settings is what `cdk deploy` would make of it.
 * @throws TemplateError, BuildError, DataInUseError, DataFolderError, or an Error of one sentence when a port cannot be had
 */
export async function startLaptopCloud(options: LaptopCloudOptions): Promise<LaptopCloud> {
  const parts: Parts = { mappings: new Map() };
  try {
    return await start(options, parts);
  } catch (error) {
    await stop(parts, 0);
    throw dataFolderError(options.dataDir, error);
  }
}

async function start(options: LaptopCloudOptions, parts: Parts): Promise<LaptopCloud> {
  const { dataDir, ports = {}, onProblem = () => undefined } = options;
  const built = options.build ?? (await build());
  const templateFile = await findTemplate(built.assemblyDir);
  const storage = describeStorage(await readTemplate(templateFile));
  parts.unlock = await lockData(dataDir);

  const sqs = await startSqs({
    port: ports.sqs ?? 0,
    dataDir: join(dataDir, 'sqs'),
    queues: storage.queues,
    onProblem: (message, error) => onProblem(`SQS: ${described(message, error)}`),
  });
  parts.sqs = sqs;
  const template = await readTemplate(templateFile, sqs);
  const api = describeHttpApi(template);
  if (api === undefined) throw new Error(`the stack ${template.stackName} has no HTTP API`);
  const compute = withApiConcurrency(describeCompute(template), api, options.apiConcurrency);
  const buckets = bucketNames(compute.functions);

  const s3 = await startS3({
    port: ports.s3 ?? 0,
    dataDir: join(dataDir, 's3'),
    buckets: storage.buckets,
    notifications: notificationsOf(storage, sqs, buckets.results, options.onResult),
    onProblem: (message, error) => onProblem(`S3: ${described(message, error)}`),
  });
  parts.s3 = s3;
  const events = await startEvents({ port: 0, onEvent: options.onEvent });
  parts.events = events;

  const endpoints = { s3: s3.url, sqs: sqs.url, events: events.url };
  const lambda = await startLambda({
    functions: compute.functions.map((each) => functionSettings(each, built.bundlesDir, endpoints)),
    temporaryDir: join(dataDir, 'tmp'),
    logsDir: join(dataDir, 'logs'),
    onLogLine: options.onLogLine,
    limits: options.limits,
  });
  parts.lambda = lambda;
  const invokeEndpoint = await openInvokeEndpoint(lambda, 0);
  parts.invokeEndpoint = invokeEndpoint;
  const gateway = await startGateway({ port: ports.api ?? 0, api, invoke: lambda.invoke });
  parts.gateway = gateway;
  for (const mapping of compute.eventSourceMappings) {
    const { functionName, queueName } = mapping;
    const started = await startEventSourceMapping({
      ...mapping,
      queueUrl: sqs.queueUrl(queueName),
      invoke: (payload) => lambda.invoke(functionName, payload),
      // On AWS a failed message waits for its visibility timeout, here half an hour: nobody at a laptop does.
      retryDelaySeconds: 1,
      warn: onProblem,
    });
    parts.mappings.set(queueName, started);
  }
  let closing: Promise<void> | undefined;
  return {
    urls: {
      api: gateway.url,
      s3: s3.url,
      sqs: sqs.url,
      lambda: invokeEndpoint.url,
      events: events.url,
    },
    buckets,
    ...{ storage, compute, api, s3, sqs, lambda, events },
    mappings: parts.mappings,
    close(graceMs = 0) {
      closing ??= stop(parts, graceMs);
      return closing;
    },
  };
}

function described(message: string, error: unknown): string {
  return error === undefined ? message : `${message}: ${String(error)}`;
}

function withApiConcurrency(
  compute: ComputeDescription,
  { routes }: HttpApiDescription,
  environmentConcurrency: number | undefined,
): ComputeDescription {
  if (environmentConcurrency === undefined) return compute;
  const behindApi = new Set(routes.map(({ functionName }) => functionName));
  const functions = compute.functions.map((each) =>
    behindApi.has(each.name) ? { ...each, environmentConcurrency } : each,
  );
  return { ...compute, functions };
}

/**
 * The queues go before the functions: a message whose function is killed then simply was not answered, and is
 * there again at the next start without a failed attempt to its name.
 */
async function stop(parts: Parts, graceMs: number): Promise<void> {
  await Promise.all([
    parts.gateway?.close(graceMs),
    ...[...parts.mappings.values()].map((mapping) => mapping.stop(graceMs)),
  ]);
  await parts.sqs?.close();
  await parts.lambda?.close();
  await parts.invokeEndpoint?.close();
  await parts.events?.close();
  await parts.s3?.close();
  await parts.unlock?.();
}
