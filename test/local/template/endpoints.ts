/** Where the laptop's queues are. */
export const endpoints = {
  queueUrl: (name: string) => `http://127.0.0.1:1234/000000000000/${name}`,
};
