/** Small source files for the flights pipeline. */
import { parquetWriteBuffer } from 'hyparquet-writer';

const codes = ['ABQ', 'BOS', 'CLT', 'DEN', 'ELP'];

/** `rows` flights, different for each `seed`. */
export function flightsFile(rows: number, seed = 0): Uint8Array {
  const at = Array.from({ length: rows }, (_, i) => i + seed * 7);
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'date', data: at.map((i) => new Date(Date.UTC(2001, 0, 1) + i * 3_600_000)), type: 'TIMESTAMP' },
        { name: 'delay', data: at.map((i) => (i % 60) - 10), type: 'INT32' },
        { name: 'distance', data: at.map((i) => 100 + (i % 900)), type: 'INT32' },
        { name: 'origin', data: at.map((i) => codes[i % 5]), type: 'STRING' },
        { name: 'destination', data: at.map((i) => codes[(i + 1) % 5]), type: 'STRING' },
      ],
    }),
  );
}
