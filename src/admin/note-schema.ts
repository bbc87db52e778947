/** What is written on an event, or on a property of it. */
import { z } from 'zod';

const NOTE_CHARS_MAX = 10_000;
const name = z.string().max(2_000);

export const noteSchema = z.strictObject({
  source: name,
  event: name.regex(
    /^(track\/.*|(identify|page|screen|group|alias)\/)$/s,
    'is a type and a name: track/Order Completed, identify/',
  ),
  property: name.default(''),
  text: z.string().trim().max(NOTE_CHARS_MAX),
});
