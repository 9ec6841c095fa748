// The receiver of @alicloud/sms-sdk and the signature of the queue client inside it: reads orders
// from standard input and writes what came back to standard output, one line of JSON each.
"use strict";

const { createInterface } = require("node:readline");
const MNSClient = require("@alicloud/mns");
const SMSClient = require("@alicloud/sms-sdk");

let receiver;

const ORDERS = {
  open(target) {
    receiver = new SMSClient({
      accessKeyId: target.access_key_id,
      secretAccessKey: target.access_key_secret,
      smsApiEndpoint: target.url,
      baseApiEndpoint: target.url,
      mnsVpc: { endpoint: target.url },
    });
    return {};
  },

  async receive({ type, prefix, wait, remove }) {
    const { code, body } = await receiver.receiveMsg(type, prefix, wait, remove);
    return { status: code, ...body };
  },

  sign({ key, method, resource, headers }) {
    const client = new MNSClient("1", {
      accessKeyId: key.id,
      accessKeySecret: key.secret,
      endpoint: "http://127.0.0.1",
    });
    return { signature: client.sign(method, headers, resource) };
  },
};

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const { order, ...details } = JSON.parse(line);
    const refusal = (error) => ({ error: error.name });
    const answer = await Promise.resolve(ORDERS[order](details)).catch(refusal);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0); // the SDK keeps idle connections
}

main();
