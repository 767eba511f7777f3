import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Cursor, type References, TemplateError } from './cursor.ts';
import { type Endpoints, referencesOf } from './names.ts';

/** One resource of a template, its properties not read yet. */
export interface Resource {
  readonly logicalId: string;
  /** E.g. `AWS::S3::Bucket`. */
  readonly type: string;
  readonly properties: Cursor;
  readonly metadata: Cursor;
}

/** A synthesised stack. */
export interface Template {
  readonly stackName: string;
  /** The cloud assembly's folder: paths of assets are relative to it. */
  readonly assemblyDir: string;
  /** Resources by logical id, in the template's order. */
  readonly resources: ReadonlyMap<string, Resource>;
}

/** Where a template was found, before anything in it is read. */
export interface TemplateFile {
  readonly stackName: string;
  readonly path: string;
}

/**
 * Finds the template that `cdk synth` wrote, by the assembly's manifest.json.
 * @param assemblyDir usually `cdk.out`
 * @param stackName which stack, when the assembly holds several
 * @throws TemplateError when there is no such stack, or several and none was named
 */
export async function findTemplate(assemblyDir: string, stackName?: string): Promise<TemplateFile> {
  const manifestPath = join(assemblyDir, 'manifest.json');
  const manifest = new Cursor(await readJson(manifestPath), 'manifest.json', noReferences);
  const stacks = manifest
    .at('artifacts')
    .entries()
    .filter(([, artifact]) => artifact.at('type').string() === 'aws:cloudformation:stack')
    .map(([name, artifact]) => ({
      stackName: name,
      path: join(assemblyDir, artifact.at('properties').at('templateFile').string()),
    }));
  const matching = stacks.filter(
    (stack) => stackName === undefined || stack.stackName === stackName,
  );
  const [stack, ...others] = matching;
  if (stack === undefined || others.length > 0) {
    const names = stacks.map((each) => each.stackName).join(', ') || 'none';
    throw new TemplateError(
      `manifest.json: expected ${stackName === undefined ? 'one stack' : `a stack ${stackName}`}, got ${names}`,
    );
  }
  return stack;
}

/**
 * Reads a template's resources.
 * @param endpoints of the servers that run already; without them, nothing may refer to a queue's URL
 */
export async function readTemplate(file: TemplateFile, endpoints?: Endpoints): Promise<Template> {
  const json = await readJson(file.path);
  const resources = new Map<string, Resource>();
  const template: Template = {
    stackName: file.stackName,
    assemblyDir: dirname(file.path),
    resources,
  };
  const references = referencesOf(template, endpoints);
  for (const [logicalId, resource] of new Cursor(json, file.stackName, references)
    .at('Resources')
    .entries()) {
    resources.set(logicalId, {
      logicalId,
      type: resource.at('Type').string(),
      properties: new Cursor(resource.at('Properties').value, logicalId, references),
      metadata: new Cursor(resource.at('Metadata').value, `${logicalId}.Metadata`, references),
    });
  }
  return template;
}

/** The resources of one type, in the template's order. */
export function resourcesOf(template: Template, type: string): Resource[] {
  return [...template.resources.values()].filter((resource) => resource.type === type);
}

const noReferences: References = { ref: () => undefined, attribute: () => undefined };

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TemplateError(`${path}: cannot be read; run the synthesis first`, { cause });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TemplateError(`${path}: expected JSON`, { cause });
  }
}
