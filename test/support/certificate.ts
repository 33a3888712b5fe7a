/**
 * A certificate for this machine's loopback, signed by itself: Node makes keys and signatures, and this lays out the
 * little DER around them (RFC 5280). For tests alone.
 */
import { generateKeyPairSync, sign } from 'node:crypto';

function der(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content);
  const long = body.length < 128 ? [] : body.length < 256 ? [0x81] : [0x82, body.length >> 8];
  return Buffer.concat([Buffer.from([tag, ...long, body.length & 0xff]), body]);
}

const sequence = (...content: Uint8Array[]) => der(0x30, ...content);
const integer = (value: number) => der(0x02, Buffer.from([value]));
const identifier = (...bytes: number[]) => der(0x06, Buffer.from(bytes));
const bits = (bytes: Uint8Array) => der(0x03, Buffer.from([0]), bytes);
const utcTime = (date: Date) =>
  der(
    0x17,
    Buffer.from(
      `${date
        .toISOString()
        .replace(/[-:T]|\.\d+/g, '')
        .slice(2, 14)}Z`,
    ),
  );

const commonName = identifier(0x55, 0x04, 0x03);
const basicConstraints = identifier(0x55, 0x1d, 0x13);
const subjectAltName = identifier(0x55, 0x1d, 0x11);
const ecdsaWithSha256 = sequence(identifier(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));

/** PEM texts, good for an hour: for `127.0.0.1` and `localhost`, and as its own authority. */
export function loopbackCertificate(): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from('localhost')))));
  const hourMs = 3_600_000;
  const names = sequence(der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from('localhost')));
  const authority = sequence(der(0x01, Buffer.from([0xff])));
  const toSign = sequence(
    der(0xa0, integer(2)),
    integer(1),
    ecdsaWithSha256,
    name,
    sequence(utcTime(new Date(Date.now() - hourMs)), utcTime(new Date(Date.now() + hourMs))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(basicConstraints, der(0x04, authority)), sequence(subjectAltName, der(0x04, names)))),
  );
  const whole = sequence(toSign, ecdsaWithSha256, bits(sign('sha256', toSign, privateKey)));
  const base64 = whole.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
