/** Sentences of 3 to 60 words, as people send them: lengths mixed. */
export const sentences: readonly string[] = Array.from({ length: 32 }, (_, index) => {
  const words =
    'Yesterday Maria Jansen of Harbour Supplies wrote that the delivery to Rotterdam was late again'.split(
      ' ',
    );
  const count = index === 0 ? 12 : 3 + ((index * 17) % 58);
  return Array.from(
    { length: count },
    (__, place) => words[(place * 5 + index) % words.length],
  ).join(' ');
});
