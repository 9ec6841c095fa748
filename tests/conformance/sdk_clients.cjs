// Calls the platform through one official SDK: reads orders from standard input and writes what
// the SDK says came back to standard output, one line of JSON each.
"use strict";

const { createInterface } = require("node:readline");

const lowerFirst = (name) => name[0].toLowerCase() + name.slice(1);

const CLIENTS = {
  dysmsapi20170525() {
    const { default: Client, ...requests } = require("@alicloud/dysmsapi20170525");
    const { $OpenApiUtil } = require("@alicloud/openapi-core");
    return async (target, action, parameters) => {
      const client = new Client(
        new $OpenApiUtil.Config({
          accessKeyId: target.access_key_id,
          accessKeySecret: target.access_key_secret,
          securityToken: target.security_token || undefined,
          endpoint: new URL(target.url).host,
          protocol: "http",
        })
      );
      const fields = Object.entries(parameters).map(([name, value]) => [lowerFirst(name), value]);
      const request = new requests[`${action}Request`](Object.fromEntries(fields));
      const response = await client[lowerFirst(action)](request);
      return { status: response.statusCode, body: response.body.toMap() };
    };
  },

  "pop-core": () => popCore("GET"),
  "pop-core-post": () => popCore("POST"),

  "sms-sdk"() {
    const SMSClient = require("@alicloud/sms-sdk");
    const methods = {
      SendSms: "sendSMS",
      SendBatchSms: "sendBatchSMS",
      QuerySendDetails: "queryDetail",
    };
    return async (target, action, parameters) => {
      const client = new SMSClient({
        accessKeyId: target.access_key_id,
        secretAccessKey: target.access_key_secret,
        smsApiEndpoint: target.url,
      });
      return { status: 200, body: await client[methods[action]](parameters) };
    };
  },
};

function popCore(method) {
  const { RPCClient } = require("@alicloud/pop-core");
  return async (target, action, parameters) => {
    const client = new RPCClient({
      accessKeyId: target.access_key_id,
      accessKeySecret: target.access_key_secret,
      securityToken: target.security_token || undefined,
      endpoint: target.url,
      apiVersion: "2017-05-25",
    });
    return { status: 200, body: await client.request(action, parameters, { method }) };
  };
}

function refusal(error) {
  const status = error.statusCode ?? error.entry?.response.statusCode;
  if (!error.code || !status) throw error;
  return { status, body: { Code: error.code } };
}

async function main(name) {
  const call = CLIENTS[name]();
  for await (const line of createInterface({ input: process.stdin })) {
    const { target, action, parameters } = JSON.parse(line);
    const answer = await call(target, action, parameters).catch(refusal);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0); // the SDKs keep idle connections
}

main(process.argv[2]);
