import * as v from 'valibot';
import { ServingError } from '../errors.ts';

/** A path below the version's folder: relative, and never out of it. */
export function isSafePath(path: string): boolean {
  return (
    path.length > 0 &&
    !path.includes('\\') &&
    !path.includes('\0') &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
  );
}

const pathSchema = v.pipe(
  v.string(),
  v.check(isSafePath, 'expected a relative path inside the version'),
);
const sha256Schema = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits'),
);

const bytesPerMiB = 1024 * 1024;

/** Chunks of what is published. */
export const chunkBytes = 8 * bytesPerMiB;

/** Digests of a file's chunks: each is fetched by one request, and checked in whatever order they come. */
const chunksSchema = v.strictObject({
  /** Of every chunk; the last one may be shorter. */
  sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(bytesPerMiB), v.maxValue(64 * bytesPerMiB)),
  sha256: v.array(sha256Schema),
});

const fileSchema = v.pipe(
  v.strictObject({
    path: pathSchema,
    sizeBytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
    sha256: sha256Schema,
    /** Where there are any, they are what the bytes are held against. */
    chunks: v.optional(chunksSchema),
  }),
  v.check(
    ({ sizeBytes, chunks }) =>
      chunks === undefined || chunks.sha256.length === Math.ceil(sizeBytes / chunks.sizeBytes),
    'chunks: expected one digest for each chunk',
  ),
);

const filesSchema = v.pipe(
  v.array(fileSchema),
  v.minLength(1),
  v.check(
    (files) => new Set(files.map(({ path }) => path)).size === files.length,
    'expected every path once',
  ),
);

/**
 * `<model>/<version>/manifest.json`: what a version consists of. It is published last; a version that has one is
 * exactly what it says.
 */
export const manifestSchema = v.strictObject({
  $schema: v.optional(v.string()),
  files: filesSchema,
  /** Paths of files that only model.onnx refers to, such as its weights: an artefact does without them. */
  external: v.optional(v.array(pathSchema), []),
  /**
   * Artefacts that were optimised offline, by the kind of machine that they are good for (`linux-arm64`,
   * `linux-x64-avx512`): the path of the one to load, with ONNX Runtime's own optimisation off, instead of model.onnx.
   */
  prepared: v.optional(v.record(v.string(), pathSchema), {}),
});

export type Manifest = v.InferOutput<typeof manifestSchema>;
export type ManifestFile = Manifest['files'][number];

/** What a file must hash to. */
export type FileDigests = Pick<ManifestFile, 'sha256' | 'chunks'>;

/** @throws ServingError MODEL_UNAVAILABLE that names the field */
export function parseManifest(label: string, text: string): Manifest {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new ServingError('MODEL_UNAVAILABLE', `${label}: manifest.json is not JSON`, { cause });
  }
  const result = v.safeParse(manifestSchema, document);
  if (!result.success) {
    const [issue] = result.issues;
    throw refusal(label, v.getDotPath(issue) ?? 'the document', issue.message);
  }
  const { files, prepared } = result.output;
  const paths = new Set(files.map(({ path }) => path));
  for (const [target, path] of Object.entries(prepared)) {
    if (!paths.has(path)) {
      throw refusal(label, `prepared.${target}`, `expected a path that files lists, got ${path}`);
    }
  }
  return result.output;
}

function refusal(label: string, field: string, message: string): ServingError {
  return new ServingError('MODEL_UNAVAILABLE', `${label}: manifest.json: ${field}: ${message}`);
}
