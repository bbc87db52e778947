/** S3 in a process of its own: prints its address, and answers each message with its objects. */
import { startS3Server } from '../../test/support/s3-server.ts';

const server = await startS3Server();
process.send?.(server.url);
process.on('message', async () => {
  const sizes = [...(await server.objects()).values()].map((body) => body.length);
  process.send?.(sizes);
});
process.on('disconnect', () => void server.close().then(() => process.exit(0)));
