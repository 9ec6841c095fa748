// Stands in for the component fc3 (github.com/devsapp/fc3), which no package registry has: `s` loads
// it in its place. It makes the calls of `deploy`, `plan`, `info` and `remove` in fc3's order, with
// fc3's libraries; tests/data/deployed/calls.json holds what fc3 itself called.
"use strict";

const { setTimeout: sleep } = require("node:timers/promises");
const path = require("node:path");
const { promisify } = require("node:util");

const FC2 = require("@alicloud/fc2");
const FC = require("@alicloud/fc20230330");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const OSS = require("ali-oss");
const { crc64File } = require("crc64-ecma182.js");
const { default: zip } = require("@serverless-devs/zip");

const ELSEWHERE = [
  "region",
  "triggers",
  "asyncInvokeConfig",
  "vpcBinding",
  "provisionConfig",
  "scalingConfig",
  "concurrencyConfig",
];
// fc3 asks RAM for the role of these triggers where none is named; nothing here stands in for RAM.
const NEED_A_ROLE = ["cdn_events", "eventbridge", "log", "mns_topic", "oss", "tablestore"];
const EMPTY = { layers: [], environmentVariables: {}, instanceIsolationMode: "SHARE" };
const TIMEOUT = 60000; // milliseconds
const POLL_SECONDS = 5;
const POLLS = 3; // of fc3: 180
const PAUSE = Number(process.env.PAUSE_SECONDS || 0); // as if the first poll had come too early

class Calls {
  constructor(props, credentials) {
    this.props = props;
    this.name = props.functionName;
    this.credentials = credentials;
    this.client = new FC.default(
      new $OpenApiUtil.Config({
        accessKeyId: credentials.AccessKeyID,
        accessKeySecret: credentials.AccessKeySecret,
        endpoint: process.env.FC_CLIENT_CUSTOM_ENDPOINT.replace("http://", ""),
        protocol: "http",
        connectTimeout: TIMEOUT,
        readTimeout: TIMEOUT, // the library's own 10 s ends calls of others on the same connection
      })
    );
  }

  async get(method, ...rest) {
    return (await this.client[method](this.name, ...rest)).toMap().body;
  }

  // What is not there is no error before a deploy.
  async look(method, ...rest) {
    try {
      return await this.get(method, ...rest);
    } catch (error) {
      if (!error.statusCode) throw error;
      return undefined;
    }
  }

  getFunction() {
    return this.look("getFunction", new FC.GetFunctionRequest({}));
  }

  async lookAtAll() {
    const there = await this.getFunction();
    for (const { triggerName } of this.props.triggers || []) {
      await this.look("getTrigger", triggerName);
    }
    const latest = { qualifier: "LATEST" };
    await this.look("getAsyncInvokeConfig", new FC.GetAsyncInvokeConfigRequest(latest));
    const bound = await this.look("listVpcBindings");
    return { there, vpcIds: (bound && bound.vpcIds) || [] };
  }

  async packed() {
    const outputFilePath = path.join(process.env.serverless_devs_config_home, ".s", "fc", "zip");
    const { outputFile } = await zip({
      codeUri: path.resolve(this.props.code),
      outputFileName: `${this.props.region}_${this.name}_${Date.now()}`,
      outputFilePath,
      ignoreFiles: [".fcignore"],
      logger: { debug() {}, info() {}, warn() {}, error() {}, spin() {} },
    });
    return outputFile;
  }

  async upload(file) {
    const { AccountID, AccessKeyID, AccessKeySecret } = this.credentials;
    const client = new FC2(AccountID, {
      accessKeyID: AccessKeyID,
      accessKeySecret: AccessKeySecret,
      region: this.props.region,
      timeout: TIMEOUT,
      endpoint: process.env.FC_CLIENT_CUSTOM_ENDPOINT,
    });
    const { credentials, ossBucket, objectName } = (await client.getTempBucketToken()).data;
    const oss = new OSS({
      endpoint: process.env.FC_CODE_TEMP_OSS_ENDPOINT || "https://oss-accelerate.aliyuncs.com",
      accessKeyId: credentials.AccessKeyId,
      accessKeySecret: credentials.AccessKeySecret,
      stsToken: credentials.SecurityToken,
      bucket: ossBucket,
    });
    const ossObjectName = `${AccountID}/${objectName}`;
    await oss.put(ossObjectName, file);
    return { ossBucketName: ossBucket, ossObjectName };
  }

  async putFunction(there, code) {
    const fields = { ...EMPTY, ...this.props, code };
    ELSEWHERE.forEach((name) => delete fields[name]);
    if (code === undefined) delete fields.code;
    if (await this.getFunction()) {
      const body = new FC.UpdateFunctionInput(fields);
      await this.client.updateFunction(this.name, new FC.UpdateFunctionRequest({ body }));
    } else {
      const body = new FC.CreateFunctionInput(fields);
      await this.client.createFunction(new FC.CreateFunctionRequest({ body }));
    }
  }

  async putTrigger(trigger) {
    const fields = { qualifier: "LATEST", description: "", ...trigger };
    fields.triggerConfig = JSON.stringify(trigger.triggerConfig);
    if (!(await this.look("getTrigger", trigger.triggerName))) {
      const body = new FC.CreateTriggerInput(fields);
      await this.client.createTrigger(this.name, new FC.CreateTriggerRequest({ body }));
    } else if (trigger.triggerType !== "mns_topic") {
      const body = new FC.UpdateTriggerInput(fields);
      const request = new FC.UpdateTriggerRequest({ body });
      await this.client.updateTrigger(this.name, trigger.triggerName, request);
    }
  }

  async until(method, request, isReady) {
    await sleep(PAUSE * 1000);
    for (let poll = 0; poll < POLLS; poll += 1) {
      if (isReady(await this.get(method, request))) return;
      await sleep(POLL_SECONDS * 1000);
    }
    throw new Error(`${method}: not ready`);
  }

  async putSettings(vpcIds) {
    const { asyncInvokeConfig, vpcBinding, provisionConfig, scalingConfig } = this.props;
    const latest = { qualifier: "LATEST" };
    if (asyncInvokeConfig) {
      const body = new FC.PutAsyncInvokeConfigInput(asyncInvokeConfig);
      const request = new FC.PutAsyncInvokeConfigRequest({ ...latest, body });
      await this.client.putAsyncInvokeConfig(this.name, request);
    }
    for (const vpcId of (vpcBinding ? vpcBinding.vpcIds : []).filter((id) => !vpcIds.includes(id))) {
      const body = new FC.CreateVpcBindingInput({ vpcId });
      await this.client.createVpcBinding(this.name, new FC.CreateVpcBindingRequest({ body }));
    }
    if (provisionConfig) {
      const lists = { targetTrackingPolicies: [], scheduledActions: [] };
      const body = new FC.PutProvisionConfigInput({ ...lists, ...provisionConfig });
      const request = new FC.PutProvisionConfigRequest({ ...latest, body });
      await this.client.putProvisionConfig(this.name, request);
      await this.until(
        "getProvisionConfig",
        new FC.GetProvisionConfigRequest(latest),
        ({ current, target }) => current === undefined || current === target
      );
    } else if (scalingConfig) {
      const lists = { horizontalScalingPolicies: [], scheduledPolicies: [] };
      const body = new FC.PutScalingConfigInput({ ...lists, ...scalingConfig });
      const request = new FC.PutScalingConfigRequest({ ...latest, body });
      await this.client.putScalingConfig(this.name, request);
      await this.until(
        "getScalingConfig",
        new FC.GetScalingConfigRequest(latest),
        ({ currentInstances, targetInstances }) =>
          currentInstances === undefined || currentInstances === targetInstances
      );
    }
    await this.putConcurrency();
  }

  async putConcurrency() {
    if (!this.props.concurrencyConfig) return;
    const body = new FC.PutConcurrencyInput(this.props.concurrencyConfig);
    const request = new FC.PutConcurrencyConfigRequest({ body });
    await this.client.putConcurrencyConfig(this.name, request);
  }

  async info() {
    const { triggers = [], asyncInvokeConfig, vpcBinding } = this.props;
    const { provisionConfig, scalingConfig, concurrencyConfig } = this.props;
    const latest = { qualifier: "LATEST" };
    const { functionName, role } = await this.get("getFunction", new FC.GetFunctionRequest({}));
    for (const { triggerName } of triggers) await this.get("getTrigger", triggerName);
    if (asyncInvokeConfig) {
      await this.get("getAsyncInvokeConfig", new FC.GetAsyncInvokeConfigRequest(latest));
    }
    if (vpcBinding) await this.get("listVpcBindings");
    if (provisionConfig) {
      await this.get("getProvisionConfig", new FC.GetProvisionConfigRequest(latest));
    }
    if (scalingConfig) await this.get("getScalingConfig", new FC.GetScalingConfigRequest(latest));
    if (concurrencyConfig) await this.get("getConcurrencyConfig");
    const http = triggers.find((one) => one.triggerType === "http");
    if (!http) return { functionName, role };
    const { httpTrigger } = await this.get("getTrigger", http.triggerName);
    return { functionName, role, url: { system_url: httpTrigger.urlInternet } };
  }
}

class Component {
  async deploy(inputs) {
    const calls = await callsOf(inputs);
    const { there, vpcIds } = await calls.lookAtAll();
    const latest = { qualifier: "LATEST" };
    if (inputs.props.provisionConfig) {
      await calls.look("getProvisionConfig", new FC.GetProvisionConfigRequest(latest));
    } else {
      await calls.look("getScalingConfig", new FC.GetScalingConfigRequest(latest));
    }
    await calls.look("getConcurrencyConfig");
    const file = await calls.packed();
    const isNew = !there || there.codeChecksum !== (await promisify(crc64File)(file));
    await calls.putFunction(there, isNew ? await calls.upload(file) : undefined);
    for (const trigger of inputs.props.triggers || []) await calls.putTrigger(trigger);
    await calls.putSettings(vpcIds);
    const { functionName } = await calls.info();
    return { functionName };
  }

  async plan(inputs) {
    const calls = await callsOf(inputs);
    const latest = { qualifier: "LATEST" };
    await calls.lookAtAll();
    await calls.look("getProvisionConfig", new FC.GetProvisionConfigRequest(latest));
    await calls.look("getScalingConfig", new FC.GetScalingConfigRequest(latest));
    await calls.look("getConcurrencyConfig");
  }

  async info(inputs) {
    return (await callsOf(inputs)).info();
  }

  async remove(inputs) {
    const calls = await callsOf(inputs);
    const { client, name } = calls;
    if (!(await calls.getFunction())) return;
    const { vpcIds = [] } = await calls.get("listVpcBindings");
    const all = { functionName: name, limit: 100 };
    const scaled = await client.listScalingConfigs(new FC.ListScalingConfigsRequest(all));
    const concurrency = await calls.look("getConcurrencyConfig");
    await calls.look("listAliases", new FC.ListAliasesRequest({ limit: 100 }));
    await calls.look("listFunctionVersions", new FC.ListFunctionVersionsRequest({ limit: 100 }));
    const listed = await calls.get("listTriggers", new FC.ListTriggersRequest({ limit: 10 }));
    await client.listAsyncInvokeConfigs(new FC.ListAsyncInvokeConfigsRequest(all));
    for (const { triggerName } of listed.triggers) await client.deleteTrigger(name, triggerName);
    for (const vpcId of vpcIds) await client.deleteVpcBinding(name, vpcId);
    if (scaled.body.scalingConfigs.length) {
      const latest = { qualifier: "LATEST" };
      await client.deleteScalingConfig(name, new FC.DeleteScalingConfigRequest(latest));
      await calls.get("getScalingConfig", new FC.GetScalingConfigRequest(latest));
    }
    if (concurrency) await client.deleteConcurrencyConfig(name);
    await client.deleteFunction(name);
  }
}

async function callsOf({ props, getCredential, yaml }) {
  for (const { triggerName, triggerType, invocationRole } of props.triggers || []) {
    if (invocationRole === undefined && NEED_A_ROLE.includes(triggerType)) {
      throw new Error(`RAM is asked for the role of the trigger ${triggerName}`);
    }
  }
  const code = props.code && path.resolve(path.dirname(yaml.path), props.code);
  return new Calls({ ...props, code }, await getCredential());
}

module.exports = Component;
