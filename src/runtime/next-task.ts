/**
 * Lets other tasks run. A message where there is nothing better, because timers wait up to a second in background pages;
 * Node 24 needs 20 ms for its first, as it loads a whole HTTP client for the event's class.
 */
export async function nextTask(): Promise<void> {
  const { setImmediate } = globalThis as { readonly setImmediate?: (action: () => void) => unknown };
  if (setImmediate) return new Promise((resolve) => void setImmediate(resolve));
  const { port1, port2 } = new MessageChannel();
  await new Promise((resolve) => {
    port1.addEventListener('message', resolve);
    port1.start();
    port2.postMessage(undefined);
  });
  port1.close();
}
