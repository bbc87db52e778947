/** A client that numbers its events and remembers which of them were acknowledged. */
import { basicAuth, WRITE_KEY } from './test-server.ts';

export interface PersistentClient {
  /** Message ids of every event that was answered 200. */
  acknowledged: Set<string>;
  /** Sends until `stop`; ends by itself when the server goes away. */
  sendTo(url: string): Promise<void>;
  stop(): void;
}

/** What has no answer is sent again with the same ids, as SDKs do. */
export function createPersistentClient(name: string): PersistentClient {
  const acknowledged = new Set<string>();
  let unanswered: string[] = [];
  let next = 0;
  let isStopped = false;
  return {
    acknowledged,
    stop() {
      isStopped = true;
    },
    async sendTo(url) {
      isStopped = false;
      while (!isStopped) {
        const ids = unanswered.length > 0 ? unanswered : newIds();
        unanswered = ids;
        try {
          const response = await fetch(`${url}/v1/batch`, {
            method: 'POST',
            headers: {
              Authorization: basicAuth(WRITE_KEY),
              'Content-Type': 'application/json',
            },
            body: JSON.stringify({
              batch: ids.map((messageId) => ({
                type: 'track',
                userId: name,
                event: 'Sent',
                messageId,
              })),
            }),
          });
          await response.arrayBuffer();
          if (response.status !== 200) continue;
          for (const id of ids) acknowledged.add(id);
          unanswered = [];
        } catch {
          return;
        }
      }
    },
  };

  function newIds(): string[] {
    const count = 1 + (next % 7);
    return Array.from({ length: count }, () => `${name}-${next++}`);
  }
}
