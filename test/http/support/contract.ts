/** Holds live answers to the app's own OpenAPI document, with a validator that the app knows nothing of. */
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Answer, App } from './app.ts';

interface Operation {
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

export interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

export class Contract {
  readonly document: Document;
  readonly #ajv = new Ajv2020({ strict: false, formats: { uri: true, 'date-time': true } });

  constructor(document: Document) {
    this.document = document;
  }

  static async of(app: App): Promise<Contract> {
    const { status, body } = await app.ask('GET', 'openapi.json');
    assert.equal(status, 200);
    return new Contract(body as unknown as Document);
  }

  /** Fails unless the document says that this route may answer so. */
  check(method: string, route: string, answer: Answer): Answer {
    const operation = this.document.paths[route]?.[method.toLowerCase()];
    assert.ok(operation, `${method} ${route} is in the document`);
    const response = operation.responses[answer.status] ?? operation.responses.default;
    assert.ok(response, `${answer.status} is in the document`);
    const [type, media] = Object.entries(response.content)[0]!;
    assert.equal(answer.headers.get('content-type'), type, JSON.stringify(answer.body));
    const schema = JSON.parse(
      JSON.stringify(media.schema).replaceAll('#/components/', `${ROOT}#/components/`),
    ) as object;
    if (!this.#ajv.getSchema(ROOT)) this.#ajv.addSchema({ $id: ROOT, components: this.document.components });
    const validate = this.#ajv.compile(schema);
    assert.ok(validate(answer.body), `${method} ${route} ${answer.status}: ${this.#ajv.errorsText(validate.errors)}`);
    return answer;
  }
}

const ROOT = 'https://ordinal.test/openapi';
