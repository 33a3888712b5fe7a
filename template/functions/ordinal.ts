/** The app's entry: everything that Ordinal does is registered here. The Functions host loads what is built of it. */
import { registerOrdinal } from '@ordinal-ids/ordinal';
import { pipelines } from '../pipelines/index.ts';

registerOrdinal({ pipelines });
