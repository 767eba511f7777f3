/** `T` with the members that may be undefined made optional instead. */
export type Present<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The members that have a value: CDK's optional properties take a value or nothing, never `undefined`. */
export function present<T extends object>(members: T): Present<T> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  ) as Present<T>;
}

/** `T` whose optional members may also be there and undefined. */
type WithUndefined<T> = {
  [K in keyof T]: Record<never, never> extends Pick<T, K> ? T[K] | undefined : T[K];
};

/**
 * A CDK object as the interface that it implements. Its class says `readonly role: IRole | undefined` where the
 * interface says `role?: IRole`: the same to CDK, two things to `exactOptionalPropertyTypes`.
 */
export function as<Interface>(implementation: WithUndefined<Interface>): Interface {
  return implementation as Interface;
}
