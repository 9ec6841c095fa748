// Reads the resources of a ROS template (JSON) on stdin and writes them as the ROS CDK renders
// them, each with the attributes that its type has. The CDK refuses wrong types and values and
// leaves out the properties it does not know; references and functions pass as they are.
"use strict";

const { readFileSync } = require("fs");
const { App, Stack } = require("@alicloud/ros-cdk-core");

const MAPS = new Set(["EnvironmentVariables", "TriggerConfig"]); // whose keys are the user's own
const CLASSES = new Map(
  ["@alicloud/ros-cdk-fc3", "@alicloud/ros-cdk-ram"]
    .flatMap((name) => Object.entries(require(name)))
    .filter(([name]) => name.startsWith("Ros"))
    .map(([, type]) => [type.ROS_RESOURCE_TYPE_NAME, type]),
);

function asArguments(value) {
  if (Array.isArray(value)) return value.map(asArguments);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(asArgument));
}

function asArgument([name, value]) {
  if (name === "Ref" || name.startsWith("Fn::")) return [name, value];
  return [name[0].toLowerCase() + name.slice(1), MAPS.has(name) ? value : asArguments(value)];
}

const stack = new Stack(new App(), "template");
const rendered = {};
for (const [name, resource] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const made = new (CLASSES.get(resource.Type))(stack, name, asArguments(resource.Properties), true);
  const [{ Properties }] = Object.values(stack.resolve(made._toRosTemplate()).Resources);
  const attributes = Object.entries(made).filter(([key]) => key.startsWith("attr"));
  rendered[name] = {
    properties: Properties,
    attributes: attributes.map(([, attribute]) => stack.resolve(attribute)["Fn::GetAtt"][1]),
  };
}
process.stdout.write(JSON.stringify(rendered));
