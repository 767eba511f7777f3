import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from './run.ts';

/** Lambda's runtime interface client, in the version that the stand-in runs functions with. */
const clientVersion = '4.0.2';

/**
 * A file system that does what public.ecr.aws/lambda/nodejs does for us, for machines that cannot pull it: Node,
 * npm, Lambda's real runtime interface client, a shell with the usual tools, and the shared libraries that they
 * name. The project's Dockerfile then builds on it unchanged. (It is not Amazon Linux: what versions of glibc's
 * symbols are needed is checked on its own.)
 *
 * @param folder to work in; the client's build, which takes minutes, is kept there for the next time
 * @returns the context of an image `FROM scratch`
 */
export async function createStandInBase(folder: string): Promise<string> {
  const client = await buildClient(join(folder, 'runtime-client'));
  const context = join(folder, 'base');
  const root = join(context, 'root');
  rmSync(context, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });

  putShell(root);
  cpSync(client, join(root, 'var/runtime'), { recursive: true });
  putNpm(root);
  putHostNetworking(root);
  const programs = [
    putProgram(root, process.execPath, 'var/lang/bin/node'),
    join(client, 'rapid-client.node'),
    // What ONNX Runtime needs from the system.
    createRequire(import.meta.url).resolve(
      'onnxruntime-node/bin/napi-v6/linux/x64/onnxruntime_binding.node',
    ),
  ];
  for (const library of await librariesOf(programs)) {
    putProgram(root, library, library.slice(1));
  }
  writeFileSync(
    join(root, 'lambda-entrypoint.sh'),
    '#!/bin/sh\nexport _HANDLER="$1"\nexec node /var/runtime/index.mjs "$1"\n',
  );
  chmodSync(join(root, 'lambda-entrypoint.sh'), 0o755);
  for (const empty of ['tmp', 'proc', 'dev', 'opt', 'var/task']) {
    mkdirSync(join(root, empty), { recursive: true });
  }
  writeFileSync(join(context, 'Dockerfile'), dockerfile);
  return context;
}

/** As AWS's own image says it (`docker inspect public.ecr.aws/lambda/nodejs:24`). */
const dockerfile = `FROM scratch
COPY root/ /
ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin \\
    LAMBDA_TASK_ROOT=/var/task \\
    LAMBDA_RUNTIME_DIR=/var/runtime \\
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
`;

/** The client has a native part, which is compiled: cmake, a C++ compiler, make and xz. */
async function buildClient(folder: string): Promise<string> {
  const client = join(folder, 'node_modules', 'aws-lambda-ric');
  if (existsSync(join(client, 'rapid-client.node'))) return client;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  console.log(`building aws-lambda-ric ${clientVersion}: some minutes, once`);
  await run(
    'npm',
    ['install', '--ignore-scripts=false', '--save-exact', `aws-lambda-ric@${clientVersion}`],
    { cwd: folder },
  );
  return client;
}

function putShell(root: string): void {
  mkdirSync(join(root, 'bin'), { recursive: true });
  cpSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const tool of ['sh', 'mkdir', 'cp', 'chmod', 'find', 'touch', 'ls', 'cat', 'rm']) {
    symlinkSync('busybox', join(root, 'bin', tool));
  }
  // npm starts scripts by `env`.
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  symlinkSync('/bin/busybox', join(root, 'usr/bin/env'));
}

/** The machine's own npm: it stands beside the program that is first on the path outside of npm's scripts. */
function putNpm(root: string): void {
  const npm = (process.env['PATH'] ?? '')
    .split(':')
    .map((folder) => join(folder, 'npm'))
    .find(existsSync);
  if (npm === undefined) throw new Error('npm is not on the path');
  const target = join(root, 'var/lang/lib/node_modules/npm');
  cpSync(dirname(dirname(realpathSync(npm))), target, { recursive: true, dereference: true });
  mkdirSync(join(root, 'var/lang/bin'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'var/lang/bin/npm'));
  chmodSync(join(target, 'bin/npm-cli.js'), 0o755);
}

/** What `npm ci` inside the build needs to reach the registry that this machine reaches. */
function putHostNetworking(root: string): void {
  mkdirSync(join(root, 'etc/ssl/certs'), { recursive: true });
  cpSync('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  mkdirSync(join(root, 'root'), { recursive: true });
  const settings = join(homedir(), '.npmrc');
  if (existsSync(settings)) writeFileSync(join(root, 'root/.npmrc'), readFileSync(settings));
}

function putProgram(root: string, source: string, target: string): string {
  const path = join(root, target);
  mkdirSync(dirname(path), { recursive: true });
  cpSync(realpathSync(source), path);
  return source;
}

/** Shared libraries of programs, by their paths here, with those that glibc loads without being linked to. */
async function librariesOf(programs: readonly string[]): Promise<Set<string>> {
  const libraries = new Set<string>();
  for (const program of programs) {
    for (const [path] of (await run('ldd', [program])).matchAll(/\/\S+(?=\s\(0x)/g)) {
      if (existsSync(path) && !/onnxruntime/.test(path)) libraries.add(path);
    }
  }
  const glibc = [...libraries].find((path) => /\/libc\.so\.6$/.test(path));
  for (const name of [
    'librt',
    'libpthread',
    'libdl',
    'libm',
    'libresolv',
    'libnss_dns',
    'libnss_files',
  ]) {
    for (const version of ['so.1', 'so.2', 'so.6']) {
      const path = join(dirname(glibc ?? '/lib'), `${name}.${version}`);
      if (existsSync(path)) libraries.add(path);
    }
  }
  return libraries;
}
