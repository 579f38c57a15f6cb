#!/usr/bin/env node
// check.js - judges values against the contract's schemas with Ajv, and the AsyncAPI document with its own parser.
//
// Why:   schemas and document are for the tools that others use; so those tools judge them.
// Rules: 1. Standard input is one JSON object: {"schemas": [files], "jobs": [{"schema": urn, "strict": bool, "value": any}],
//           "asyncapi": file or absent}. Standard output is one: {"metaschema": {file: errors}, "jobs": [errors],
//           "asyncapi": {"diagnostics": [...], "examples": [...]}}.
//        2. A strict twin is made here: no object takes a member that its schema does not name, and an open enumeration
//           (anyOf of an enum and any text) takes only the values that are known.
// Faults: exit 1 with the error's text, where a file is missing or no schema.
// Runs in: tests/unit/test_contract_schemas.py
'use strict';
const fs = require('fs');
const Ajv2020 = require('ajv/dist/2020');
const formats = require('ajv-formats');

function isOpenEnumeration(schema) {
  return Array.isArray(schema.anyOf) && schema.anyOf.length === 2 && Array.isArray(schema.anyOf[0].enum) &&
    schema.anyOf[1].type === 'string';
}

function strictTwin(schema, closed = true) {
  if (Array.isArray(schema)) return schema.map((part) => strictTwin(part, closed));
  if (schema === null || typeof schema !== 'object') return schema;
  if (isOpenEnumeration(schema)) return { enum: schema.anyOf[0].enum };
  const twin = {};
  for (const [key, part] of Object.entries(schema)) {
    // Conditions test a few members of a larger object: they stay open.
    const condition = ['if', 'then', 'else', 'oneOf', 'allOf'].includes(key);
    if (key === 'const' || key === 'enum' || key === 'required') twin[key] = part;
    else twin[key] = strictTwin(part, closed && !condition);
  }
  if (closed && schema.type === 'object' && schema.properties && !('additionalProperties' in schema)) {
    twin.additionalProperties = false;
  }
  return twin;
}

function makeAjv() {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
  formats(ajv);
  return ajv;
}

function brief(errors) {
  return (errors || []).map(({ keyword, instancePath, params }) => ({ keyword, at: instancePath, params }));
}

async function asyncapi(file) {
  const { Parser, fromFile } = require('@asyncapi/parser');
  const parser = new Parser();
  const { document, diagnostics } = await fromFile(parser, file).parse();
  const found = { diagnostics, examples: [], channels: [], operations: [] };
  if (!document) return found;
  for (const channel of document.channels()) found.channels.push(channel.address());
  for (const operation of document.operations()) found.operations.push([operation.id(), operation.action()]);
  for (const message of document.components().messages()) {
    const schema = JSON.parse(JSON.stringify(message.payload().json(), (key, value) =>
      (key.startsWith('x-parser') || key === '$id' || key === '$schema' ? undefined : value)));
    const validate = makeAjv().compile(schema);
    const examples = message.examples();
    found.examples.push({
      message: message.id(), count: examples.length,
      errors: examples.map((example) => (validate(example.payload()) ? [] : brief(validate.errors))),
      payloads: examples.map((example) => example.payload()),
    });
  }
  return found;
}

async function main() {
  const input = JSON.parse(fs.readFileSync(0, 'utf8'));
  const open = makeAjv();
  const strict = makeAjv();
  const answer = { metaschema: {}, jobs: [] };
  for (const file of input.schemas) {
    const schema = JSON.parse(fs.readFileSync(file, 'utf8'));
    answer.metaschema[file] = open.validateSchema(schema) ? [] : brief(open.errors);
    open.addSchema(schema);
    strict.addSchema(strictTwin(schema));
  }
  for (const job of input.jobs) {
    const validate = (job.strict ? strict : open).getSchema(job.schema);
    if (!validate) throw new Error(`no schema ${job.schema}`);
    answer.jobs.push(validate(job.value) ? [] : brief(validate.errors));
  }
  if (input.asyncapi) answer.asyncapi = await asyncapi(input.asyncapi);
  fs.writeSync(1, JSON.stringify(answer));
}

main().catch((error) => {
  process.stderr.write(`check.js: ${error.message}\n`);
  process.exitCode = 1;
});
