// A chat backend that asks Bursar before it calls the model and records what the call used.
'use strict';

const {randomUUID} = require('node:crypto');
const path = require('node:path');
const {promisify} = require('node:util');
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const protos = process.env.BURSAR_PROTOS || path.join(__dirname, '../../../proto');
const definition = protoLoader.loadSync(
    'bursar/v1/quota_service.proto',
    {includeDirs: [protos], defaults: true, longs: String, enums: String});
const {bursar} = grpc.loadPackageDefinition(definition);

// Stands in for the model: its answer, and the tokens that its reply reports.
async function callModel(question) {
  return {text: `You said: ${question}`, usage: {inputTokens: 1200, outputTokens: 350}};
}

async function answer(quota, who, question) {
  const metadata = new grpc.Metadata();
  const token = process.env.BURSAR_TOKEN;
  if (token) metadata.set('authorization', `Bearer ${token}`);
  const call = (method, request) => promisify(quota[method]).call(
      quota, request, metadata, {deadline: Date.now() + 5000});
  const request = {...who, surface: 'chat', model: 'claude-sonnet-4-6'};

  const {decision, denial} = await call('checkAdmission', request);
  if (decision === 'DECISION_DENIED') {
    const [remedy] = denial.remedies;
    return remedy ? `${denial.message}\n${remedy.description}` : denial.message;
  }

  const requestId = randomUUID();  // Made before the call: what is repeated is charged once.
  const {text, usage} = await callModel(question);
  const {cost, sequence} = await call('recordConsumption', {...request, requestId, usage});
  const amount = `${cost.units}.${String(cost.nanos).padStart(9, '0')} ${cost.currencyCode}`;
  return `${text}\n[charged ${amount}, journal entry ${sequence}]`;
}

const [address, organizationId, memberId, question] = process.argv.slice(2);
const quota = new bursar.v1.QuotaService(  // Over a network: grpc.credentials.createSsl().
    address, grpc.credentials.createInsecure());
answer(quota, {organizationId, memberId}, question)
    .then(console.log)
    .catch((error) => {
      console.error(`${error.code}: ${error.details}`);
      process.exitCode = 1;
    })
    .finally(() => quota.close());
