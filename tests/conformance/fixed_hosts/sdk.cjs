// Sends with the official SDK, to the host that it has for the region.
const { default: Client, SendSmsRequest } = require("@alicloud/dysmsapi20170525");

const client = new Client({
  accessKeyId: process.env.ALIBABA_CLOUD_ACCESS_KEY_ID,
  accessKeySecret: process.env.ALIBABA_CLOUD_ACCESS_KEY_SECRET,
  regionId: "cn-hangzhou",
});
client
  .sendSms(
    new SendSmsRequest({
      phoneNumbers: process.argv[2],
      signName: "fc-sms",
      templateCode: "SMS_100001",
      templateParam: '{"code":"1234"}',
    }),
  )
  .then(
    (answer) => console.log(JSON.stringify({ Code: answer.body.code })),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
