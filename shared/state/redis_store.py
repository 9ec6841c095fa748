"""The store in Redis."""

import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from shared.errors import ConfigurationError, StoreUnavailable
from shared.state.store import Count, Refused, Written, milliseconds, refused

_RECORD, _SUM, _MOMENTS = "{fc-sms}:", "{fc-sms}+", "{fc-sms}~"
_TIMEOUT = 2.0
# A script is put together from these pieces, as Alibaba Cloud's cluster edition wants each key
# written KEYS[number] (document 92942). ARGV: old, new, ttl ms, now ms, owner, mark, then amount,
# limit and window ms of each count. The record is written first: a Redis that is full or read-only
# refuses there. A sliding window is a sorted set of moments; its members begin with their owner, so
# that they can be taken away again.
_COMPARE = """
local current = redis.call('GET', KEYS[1]) or ''
if current == ARGV[2] then return {'done'} end
if current ~= ARGV[1] then return {'differs', current} end
local now = tonumber(ARGV[4])
local answer = {'done'}"""
_WRITE = """
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])"""
_CHECK = """
if tonumber(redis.call('GET', <key>) or '0') + <amount> > <limit> then
  return {'refused', <place>, <window>}
end"""
_CHECK_SLIDING = """
do
  local begin = now - <window> + 1
  local over = redis.call('ZCOUNT', <key>, begin, '+inf') + <amount> - <limit>
  if over > 0 then
    local last = redis.call('ZRANGEBYSCORE', <key>, begin, '+inf', 'WITHSCORES')[2 * over]
    return {'refused', <place>, last and tonumber(last) + <window> - now or <window>}
  end
end"""
_ADD = """
answer[#answer + 1] = redis.call('INCRBY', <key>, <amount>)
redis.call('PEXPIRE', <key>, <window>)"""
_ADD_SLIDING = """
redis.call('ZREMRANGEBYSCORE', <key>, '-inf', now - <window>)
for n = 1, <amount> do redis.call('ZADD', <key>, now, ARGV[5] .. ARGV[6] .. n) end
redis.call('PEXPIRE', <key>, <window>)
answer[#answer + 1] = redis.call('ZCARD', <key>)"""
_TAKE_AWAY = """
if tonumber(redis.call('GET', <key>) or '0') >= <amount> then
  redis.call('DECRBY', <key>, <amount>)
end"""
_TAKE_AWAY_SLIDING = """
do
  local left = <amount>
  for _, member in ipairs(redis.call('ZREVRANGE', <key>, 0, -1)) do
    if left > 0 and string.sub(member, 1, #ARGV[5]) == ARGV[5] then
      redis.call('ZREM', <key>, member)
      left = left - 1
    end
  end
end"""
_DONE = """
return answer"""


def _script(charge: tuple[bool, ...], give_back: tuple[bool, ...]) -> str:
    """Return the script of a put with such counts; true stands for one that is sliding."""
    checks = [_CHECK_SLIDING if sliding else _CHECK for sliding in charge]
    adds = [_ADD_SLIDING if sliding else _ADD for sliding in charge]
    take_aways = [_TAKE_AWAY_SLIDING if sliding else _TAKE_AWAY for sliding in give_back]
    pieces = [
        *(_for_count(piece, place) for place, piece in enumerate(checks)),
        _WRITE,
        *(_for_count(piece, place) for place, piece in enumerate([*adds, *take_aways])),
    ]
    return "".join((_COMPARE, *pieces, _DONE))


def _for_count(piece: str, place: int) -> str:
    for offset, name in enumerate(("<amount>", "<limit>", "<window>"), 7 + 3 * place):
        piece = piece.replace(name, f"tonumber(ARGV[{offset}])")
    return piece.replace("<key>", f"KEYS[{place + 2}]").replace("<place>", str(place))


class RedisStore:
    """Keeps state in Redis; each step is one script, one round trip."""

    def __init__(self, url: str) -> None:
        import redis

        self._failure = redis.RedisError
        try:
            parts = urlsplit(url)
            if not parts.hostname or not re.fullmatch(r"(/[0-9]{0,4})?", parts.path):
                raise ValueError
            options = {}
            if parts.scheme == "rediss" and "ssl_cert_reqs=" not in parts.query:
                options["ssl_check_hostname"] = True  # redis-py 6 does; the URL may say false
            self._client = client = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_TIMEOUT,
                socket_timeout=_TIMEOUT,
                **options,
            )
            self._script = lru_cache(64)(lambda *kinds: client.register_script(_script(*kinds)))
            client.connection_pool.make_connection()  # reads the options; does not connect
        except (TypeError, ValueError, redis.RedisError):
            raise ConfigurationError(
                "SMS_STATE_URL is not of the form redis://user:password@host:port/db, with the "
                "special characters of the password percent-encoded"
            ) from None

    def get(self, key: str) -> str | None:
        """See Store."""
        found: str | None = self._run(lambda: self._client.get(_RECORD + key))
        return found

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """See Store."""
        keys = [_SUM + count.key for count in counts]
        found = self._run(lambda: self._client.mget(keys))
        return [int(total or 0) for total in found]

    def put(
        self,
        key: str,
        old: str | None,
        new: str,
        ttl: int,
        now: float,
        charge: Sequence[Count] = (),
        give_back: Sequence[Count] = (),
    ) -> Written | Refused | str:
        """See Store."""
        counts = (*charge, *give_back)
        kinds = tuple(tuple(count.sliding for count in each) for each in (charge, give_back))
        script = self._script(*kinds)
        keys = [_RECORD + key]
        keys += [(_MOMENTS if count.sliding else _SUM) + count.key for count in counts]
        mark = os.urandom(8).hex()
        arguments: list[Any] = [
            old or "",
            new,
            ttl * 1000,
            milliseconds(now),
            f"{key}\n",
            f"{mark}\n",
        ]
        for count in counts:
            arguments += [count.amount, count.limit, count.window * 1000]
        answer = self._run(lambda: script(keys=keys, args=arguments))
        if answer[0] == "refused":
            return refused(charge[answer[1]], answer[2])
        return str(answer[1]) if answer[0] == "differs" else Written(tuple(answer[1:]))

    def _run(self, step: Callable[[], Any]) -> Any:
        """Run a step, which may be repeated, a second time when the connection broke."""
        try:
            return step()
        except self._failure:
            pass
        try:
            return step()
        except self._failure as error:  # its text may repeat the command, the password included
            code = re.search(r"(?:^|\d: -)([A-Z]{3,}) ", str(error))  # of Redis 6: inside
            reason = f"{type(error).__name__} {code[1] if code else ''}".strip()
        raise StoreUnavailable(f"the Redis of SMS_STATE_URL cannot be used ({reason})")
