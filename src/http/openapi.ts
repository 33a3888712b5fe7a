/**
 * Makes the OpenAPI 3.1 document from the routes and from the schemas that parse the requests. `routes.ts` serves it.
 * It must not describe anything by hand, so that document and code cannot differ.
 */

import { z } from 'zod';
import type { Route } from './request-context.ts';

import { problemSchema } from './schemas.ts';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  schema: object;
  description?: string;
}

export function openApi(routes: readonly Route[], server: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = `/${route.path}`;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ordinal',
      version: '1',
      description: 'Starts and follows runs that split Parquet blobs and number their rows.',
    },
    servers: [{ url: server.replace(/\/$/, '') }],
    security: [{ keyHeader: [] }, { keyQuery: [] }],
    paths,
    components: {
      securitySchemes: {
        keyHeader: { type: 'apiKey', in: 'header', name: 'x-functions-key' },
        keyQuery: { type: 'apiKey', in: 'query', name: 'code' },
      },
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
    },
  };
}

function operation(route: Route): object {
  const responses: Record<string, object> = {
    default: {
      description: 'A problem (RFC 9457).',
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    },
  };
  for (const [status, { description, schema }] of Object.entries(route.answers)) {
    const type = Number(status) >= 400 ? 'application/problem+json' : 'application/json';
    responses[status] = { description, content: { [type]: { schema: jsonSchema(schema, 'output') } } };
  }
  const list = parameters(route);
  return {
    operationId: route.name,
    summary: route.summary,
    ...(list.length > 0 && { parameters: list }),
    ...(route.body && {
      requestBody: { content: { 'application/json': { schema: jsonSchema(route.body, 'input') } } },
    }),
    responses,
  };
}

function parameters({ path, query, headers }: Route): Parameter[] {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(
    ([, name]): Parameter => ({ name: name!, in: 'path', required: true, schema: { type: 'string' } }),
  );
  const inQuery = Object.entries(query?.shape ?? {}).map(
    ([name, schema]): Parameter => ({
      name,
      in: 'query',
      required: false,
      schema: jsonSchema(schema as z.ZodType, 'input'),
    }),
  );
  const inHeaders = Object.entries(headers ?? {}).map(
    ([name, description]): Parameter => ({
      name,
      in: 'header',
      required: false,
      schema: { type: 'string' },
      description,
    }),
  );
  return [...inPath, ...inQuery, ...inHeaders];
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
