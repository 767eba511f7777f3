/**
 * What work on each item gives, in the order of the items, while up to `parallel` of them are under way.
 *
 * @throws what the first item in order throws whose work fails
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  parallel: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for await (const item of items) {
    const result = work(item);
    // Awaited in its turn; without a listener until then a failure would end the process.
    result.catch(() => undefined);
    underWay.push(result);
    if (underWay.length < parallel) continue;
    const first = underWay.shift();
    if (first !== undefined) yield await first;
  }
  for (const result of underWay) yield await result;
}
