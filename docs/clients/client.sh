#!/bin/sh
# A client of fc-sms with curl: send with an out_id, repeat after a 504, check a code.
set -eu

TRIES=5
WAIT_SECONDS=2

# POST $2 to the URL $1, print the answer, and repeat the same body while its outcome is open.
# Such a repeat never sends twice, because the body has an out_id. Without shared state the
# answer is not retryable.
call() {
  tries_left=$TRIES
  while :; do
    tries_left=$((tries_left - 1))
    # The function takes up to 30 seconds: a shorter time would give up on an answer.
    # Status 000: there was no answer.
    answer=$(curl -s -m 35 -w '\n%{http_code}' "$1" -H "Authorization: Bearer $SMS_KEY" \
      -H 'Content-Type: application/json' -d "$2") || answer="
000"
    status=${answer##*
}
    body=${answer%
*}
    case $status in
      2*) printf '%s\n' "$body"; return ;;
      000) is_open=yes ;;
      503 | 504) case $body in *'"retryable": true'*) is_open=yes ;; *) is_open= ;; esac ;;
      *) is_open= ;;
    esac
    if [ -z "$is_open" ] || [ "$tries_left" -eq 0 ]; then
      printf '%s %s\n' "$status" "$body" >&2
      return 1
    fi
    echo "$status: the same call again" >&2
    sleep $WAIT_SECONDS
  done
}

# field NAME: print the text of one field of the JSON on standard input.
field() {
  sed -n 's/.*"'"$1"'": "\{0,1\}\([^",}]*\).*/\1/p'
}

# Keep the out_id with the order, before the first call: a program that ends can then go on.
now=$(date +%Y%m%d-%H%M%S)-$$
sent=$(call "$SMS_URL/sms" '{"phone_numbers": "'"$NUMBER"'", "template_code": "SMS_100002",
  "template_param": {"name": "Li", "order": "17"}, "out_id": "order-'"$now"'"}')
echo "sent: $(echo "$sent" | field outcome)"

created=$(call "$CODES_URL/codes" \
  '{"phone_number": "'"$NUMBER"'", "purpose": "login", "out_id": "login-'"$now"'"}')
printf 'code: '
read -r code
# A wrong code takes one of its tries.
checked=$(call "$CODES_URL/codes/check" '{"verification_id": "'"$(echo "$created" | field verification_id)"'",
  "phone_number": "'"$NUMBER"'", "purpose": "login", "code": "'"$code"'"}')
echo "verified: $(echo "$checked" | field verified)"
