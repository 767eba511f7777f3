import type { Routes } from './router.ts';

/**
 * Routes whose code is loaded by the first call of one of them: most environments never answer any.
 *
 * @param names the routes, as the loaded table has them
 * @param load called for each request; it remembers what it loaded
 */
export function lazyRoutes(names: readonly string[], load: () => Promise<Routes>): Routes {
  return Object.fromEntries(
    names.map((name) => [
      name,
      async (request, parameters) => {
        const handler = (await load())[name];
        if (handler === undefined) throw new Error(`the loaded routes have no ${name}`);
        return handler(request, parameters);
      },
    ]),
  );
}
