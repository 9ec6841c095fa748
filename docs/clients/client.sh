#!/bin/sh
# A client of fc-sms with curl: send with an out_id, repeat after a 504, check a code.
set -eu

SMS_URL=${SMS_URL%/} CODES_URL=${CODES_URL%/} # a URL may have a / at its end
TRIES=5
WAIT_SECONDS=2

# is_open STATUS BODY: whether the same call, made again, may tell the outcome.
is_open() {
  case $2 in
    # fc-sms answers; a limit, 429, is waited for by its caller.
    *'"retryable": true'*) case $1 in 409 | 503 | 504) return 0 ;; esac ;;
    *'"retryable": false'*) ;;
    # Function Compute or a gateway answers; 000: nobody does.
    *) case $1 in 000 | 429 | 502 | 503 | 504) return 0 ;; esac ;;
  esac
  return 1
}

# POST $2 to the URL $1, print the answer, and repeat the same body while its outcome is open.
# With shared state such a repeat never sends twice, because the body has an out_id. Without it an
# outcome that fc-sms does not know is not retryable; but where fc-sms did not answer, only the
# platform's own check stops a second SMS.
call() {
  tries_left=$TRIES
  while :; do
    tries_left=$((tries_left - 1))
    # The function takes up to 30 seconds: a shorter time would give up on an answer.
    answer=$(curl -s -m 35 -w '\n%{http_code}' "$1" -H "Authorization: Bearer $SMS_KEY" \
      -H 'Content-Type: application/json' -d "$2") || answer="
000"
    status=${answer##*
}
    body=${answer%
*}
    case $status in
      2*) printf '%s\n' "$body"; return ;;
    esac
    if [ "$tries_left" -eq 0 ] || ! is_open "$status" "$body"; then
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
read -r typed || test "$typed" # a last line may have no end
code=$(printf %s "$typed" | tr -cd 0-9) # nothing else, as it goes into the JSON as it is
# A wrong code takes one of its tries. When the answer to a right one is lost, the repeat says
# false: its code is used up, and the person needs another.
checked=$(call "$CODES_URL/codes/check" '{"verification_id": "'"$(echo "$created" | field verification_id)"'",
  "phone_number": "'"$NUMBER"'", "purpose": "login", "code": "'"$code"'"}')
echo "verified: $(echo "$checked" | field verified)"
