#!/usr/bin/env bash
# Sends with curl and openssl, as scripts do: HMAC-SHA1, and the platform's host in the text.
set -euo pipefail

encode() {
  local text=$1 encoded="" c i
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case $c in
      [a-zA-Z0-9._~-]) encoded+=$c ;;
      *) encoded+=$(printf '%%%02X' "'$c") ;;
    esac
  done
  printf '%s' "$encoded"
}

parameters=(
  "AccessKeyId=$ALIBABA_CLOUD_ACCESS_KEY_ID"
  "Action=SendSms"
  "Format=JSON"
  "PhoneNumbers=$1"
  "SignName=fc-sms"
  "SignatureMethod=HMAC-SHA1"
  "SignatureNonce=$RANDOM$RANDOM$(date +%s%N)"
  "SignatureVersion=1.0"
  "TemplateCode=SMS_100001"
  'TemplateParam={"code":"1234"}'
  "Timestamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  "Version=2017-05-25"
)
query=""
for parameter in "${parameters[@]}"; do
  query+="&${parameter%%=*}=$(encode "${parameter#*=}")"
done
text="GET&%2F&$(encode "${query:1}")"
signature=$(printf '%s' "$text" |
  openssl dgst -sha1 -hmac "$ALIBABA_CLOUD_ACCESS_KEY_SECRET&" -binary | base64)
curl --silent --show-error --fail-with-body \
  "https://dysmsapi.aliyuncs.com/?Signature=$(encode "$signature")$query"
echo
