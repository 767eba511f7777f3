import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The table of docs/architecture.md: each room, and the rooms that it may import besides itself. `vendors` are the
 * packages that it may import; the core has none but the schema library, and types alone of anything else.
 */
interface Room {
  readonly path: string;
  readonly rooms: readonly string[];
  readonly vendors: readonly RegExp[];
}

const schemas = /^valibot$/;
const middleware = [/^@middy\//, /^@aws-lambda-powertools\//];
const core = ['src/contract', 'src/errors.ts', 'src/protocol', 'src/models'];

const table: readonly Room[] = [
  { path: 'src/contract', rooms: [], vendors: [] },
  { path: 'src/errors.ts', rooms: [], vendors: [] },
  // A CSV line is nobody's own business to parse.
  { path: 'src/protocol', rooms: ['src/errors.ts'], vendors: [/^csv-parse/] },
  {
    path: 'src/models',
    rooms: ['src/contract', 'src/errors.ts', 'src/protocol'],
    vendors: [schemas],
  },
  { path: 'src/tasks', rooms: core, vendors: [schemas] },
  { path: 'src/inference', rooms: [...core, 'src/tasks'], vendors: [] },
  { path: 'src/batch', rooms: [...core, 'src/tasks', 'src/inference'], vendors: [schemas] },
  {
    path: 'src/adapters',
    rooms: [...core, 'src/tasks', 'src/inference', 'src/batch'],
    vendors: [/./],
  },
  {
    path: 'src/edge',
    rooms: [...core, 'src/tasks', 'src/inference', 'src/batch', 'src/adapters'],
    vendors: [schemas, ...middleware],
  },
  { path: 'functions', rooms: ['src/contract', 'src/edge'], vendors: [] },
  { path: 'infra', rooms: ['src/contract'], vendors: [/./] },
  { path: 'layers', rooms: ['src/contract', 'local'], vendors: [] },
  { path: 'local', rooms: ['src/contract'], vendors: [/./] },
  {
    path: 'cli',
    rooms: ['src/contract', 'src/errors.ts', 'src/protocol', 'src/models'],
    vendors: [/./],
  },
];

interface Import {
  readonly file: string;
  readonly from: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const source = readFileSync(file, 'utf8');
  const pattern =
    /(?:^|\n)\s*(import|export)(\s+type)?\b[^;'"]*?from\s*'([^']+)'|\bimport\('([^']+)'\)/g;
  return [...source.matchAll(pattern)].map((match) => ({
    file,
    from: match[3] ?? match[4] ?? '',
    typeOnly: match[2] !== undefined,
  }));
}

const isInside = (file: string, path: string) => file === path || file.startsWith(`${path}/`);

function violations(room: Room): string[] {
  const files = room.path.endsWith('.ts') ? [room.path] : globSync(`${room.path}/**/*.ts`);
  return files.flatMap(importsOf).flatMap(({ file, from, typeOnly }) => {
    const complaint = [`${file} imports ${from}`];
    if (from.startsWith('.')) {
      const target = normalize(join(dirname(file), from));
      const allowed = [room.path, ...room.rooms].some((path) => isInside(target, path));
      return allowed ? [] : complaint;
    }
    if (from.startsWith('node:') || typeOnly) return [];
    return room.vendors.some((vendor) => vendor.test(from)) ? [] : complaint;
  });
}

describe('the rooms of the house', () => {
  it.each(table)('$path imports only what the table allows', (room) => {
    expect(violations(room)).toEqual([]);
  });

  it('are all in the table', () => {
    const rooms = globSync('src/*').map(normalize);
    expect(rooms.filter((room) => !table.some(({ path }) => path === room))).toEqual([]);
  });

  it('import a vendor of the adapters from one folder alone', () => {
    const folders = new Map<string, Set<string>>();
    for (const { file, from } of globSync('src/adapters/**/*.ts').flatMap(importsOf)) {
      if (from.startsWith('.') || from.startsWith('node:')) continue;
      const folder = file.split('/')[2] ?? '';
      folders.set(from, (folders.get(from) ?? new Set()).add(folder));
    }
    const shared = [...folders].filter(([, users]) => users.size > 1);
    expect(shared.map(([vendor, users]) => `${vendor}: ${[...users].join(', ')}`)).toEqual([]);
  });

  it('have no cycles between files', () => {
    const files = globSync('{src,functions,local,infra,cli}/**/*.ts', {
      exclude: ['**/node_modules/**'],
    });
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter(({ from, typeOnly }) => from.startsWith('.') && !typeOnly)
          .map(({ from }) => normalize(join(dirname(file), from))),
      ]),
    );
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (trail.includes(file)) {
        cycles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
        return;
      }
      if (done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
