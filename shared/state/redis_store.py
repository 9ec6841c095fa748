"""The store in Redis: each step is one Lua script, one round trip.

Redis must keep what it acknowledged: `maxmemory-policy noeviction`, for a record that was evicted
lets a repeat send again; so may a fail-over to a replica that missed the last writes. All keys
carry one hash tag, so that a cluster keeps them in one slot.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from shared.errors import ConfigurationError, StoreUnavailable
from shared.state.store import (
    MOST_COUNTS,
    Answer,
    Change,
    Count,
    Differs,
    Forbidden,
    Written,
    milliseconds,
    refusal_of,
)

# What stands before a key of ours: records, sums of fixed windows, moments of sliding ones.
_RECORD = "{fc-sms}:"
_SUM = "{fc-sms}+"
_MOMENTS = "{fc-sms}~"
_TIMEOUT = 2.0  # seconds, to connect and for each answer

# A script is put together from pieces, because Alibaba Cloud's cluster edition wants each key
# written KEYS[number] (document 92942): a loop over KEYS is refused there. KEYS[1] is the record,
# KEYS[2] the one that may forbid the change. KEYS[3] and so on are those of slots for counts: first
# what is charged, then what is given back.
# Redis keeps every script that it was ever sent. So there are few sizes, each slot takes a count of
# either kind, and those that are left over are empty: 64 scripts in all.
_SIZES = (0, 1, 2, 4, 8, 16, 32, MOST_COUNTS)

# These are the arguments, first of the change, then of each slot. `now` is empty where Redis's own
# time counts, `kind` where the slot is. `has_unless` is 1 where a record may forbid the change.
_OF_CHANGE = ("old", "new", "ttl", "now", "owner", "mark", "has_unless")
_OF_COUNT = ("kind", "amount", "limit", "window")
_FIXED, _SLIDING, _EMPTY = "fixed", "sliding", ""

# Texts stay as they are; all other arguments are whole numbers, times in milliseconds.
_TEXTS = ("old", "new", "now", "owner", "mark", "kind")

_COMPARE = """
local current = redis.call('GET', <record>) or ''
if current == <new> then return {'done'} end
if current ~= <old> then return {'differs', current} end
if <has_unless> == 1 and redis.call('EXISTS', <unless>) == 1 then return {'forbidden'} end
local answer = {'done'}
local now = tonumber(<now>)
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end"""

# The record is written before anything is counted: a Redis that is full or read-only refuses here.
_WRITE = """
redis.call('SET', <record>, <new>, 'PX', <ttl>)"""

# A sliding window is a sorted set of moments. Its members begin with their owner, the record's key,
# so that they can be taken away again.
_CHECK = """
if <kind> == 'fixed' then
  if tonumber(redis.call('GET', <key>) or '0') + <amount> > <limit> then
    return {'refused', <place>, <window>}
  end
elseif <kind> == 'sliding' then
  local begin = now - <window> + 1
  local over = redis.call('ZCOUNT', <key>, begin, '+inf') + <amount> - <limit>
  if over > 0 then
    local last = redis.call('ZRANGEBYSCORE', <key>, begin, '+inf', 'WITHSCORES')[2 * over]
    return {'refused', <place>, last and tonumber(last) + <window> - now or <window>}
  end
end"""

_ADD = """
if <kind> == 'fixed' then
  answer[#answer + 1] = redis.call('INCRBY', <key>, <amount>)
  redis.call('PEXPIRE', <key>, <window>)
elseif <kind> == 'sliding' then
  redis.call('ZREMRANGEBYSCORE', <key>, '-inf', now - <window>)
  for n = 1, <amount> do redis.call('ZADD', <key>, now, <owner> .. <mark> .. n) end
  redis.call('PEXPIRE', <key>, <window>)
  answer[#answer + 1] = redis.call('ZCARD', <key>)
end"""

_TAKE_AWAY = """
if <kind> == 'fixed' then
  if tonumber(redis.call('GET', <key>) or '0') >= <amount> then
    redis.call('DECRBY', <key>, <amount>)
  end
elseif <kind> == 'sliding' then
  local left = <amount>
  for _, member in ipairs(redis.call('ZREVRANGE', <key>, 0, -1)) do
    if left > 0 and string.sub(member, 1, #<owner>) == <owner> then
      redis.call('ZREM', <key>, member)
      left = left - 1
    end
  end
end"""

_DONE = """
return answer"""

_DELETE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0"""


@lru_cache(maxsize=len(_SIZES) ** 2)
def put_script(charge: int, give_back: int) -> str:
    """Return the Lua of a put with so many slots for what is charged and what is given back."""
    pieces = [
        _COMPARE,
        *(_for_count(_CHECK, place) for place in range(charge)),
        _WRITE,
        *(_for_count(_ADD, place) for place in range(charge)),
        *(_for_count(_TAKE_AWAY, place) for place in range(charge, charge + give_back)),
        _DONE,
    ]
    script = "".join(pieces).replace("<record>", "KEYS[1]").replace("<unless>", "KEYS[2]")
    return _with_arguments(script, _OF_CHANGE, first=1)


def slots_for(counts: Sequence[Count]) -> int:
    """Return how many slots `counts` take, some of which may be empty."""
    return next(size for size in _SIZES if len(counts) <= size)


def _for_count(piece: str, place: int) -> str:
    """Return a piece of script for the slot at `place`, from 0."""
    first = 1 + len(_OF_CHANGE) + len(_OF_COUNT) * place
    piece = piece.replace("<key>", f"KEYS[{place + 3}]").replace("<place>", str(place))
    return _with_arguments(piece, _OF_COUNT, first)


def _with_arguments(script: str, names: Sequence[str], first: int) -> str:
    """Put ARGV for `names`, of which the first is argument number `first`."""
    for number, name in enumerate(names, first):
        argument = f"ARGV[{number}]" if name in _TEXTS else f"tonumber(ARGV[{number}])"
        script = script.replace(f"<{name}>", argument)
    return script


class RedisStore:
    """A Store in Redis, at ``redis://`` or, with TLS, ``rediss://``."""

    def __init__(self, url: str) -> None:
        import redis  # only a function with shared state loads it

        self._failure = redis.RedisError
        try:
            parts = urlsplit(url)
            if not parts.hostname or not re.fullmatch(r"(/[0-9]{0,4})?", parts.path):
                raise ValueError
            options = {}
            if parts.scheme == "rediss" and "ssl_cert_reqs=" not in parts.query:
                options["ssl_check_hostname"] = True  # redis-py 6 does; the URL may say false
            self._client = redis.Redis.from_url(
                url,
                decode_responses=True,
                socket_connect_timeout=_TIMEOUT,
                socket_timeout=_TIMEOUT,
                **options,
            )
            self._client.connection_pool.make_connection()  # reads the options; does not connect
        except (TypeError, ValueError, redis.RedisError):
            raise ConfigurationError(
                "SMS_STATE_URL is not of the form redis://user:password@host:port/db, with the "
                "special characters of the password percent-encoded, such as p%40ss for p@ss"
            ) from None
        self._registered = lru_cache(maxsize=len(_SIZES) ** 2)(self._register)

    def get(self, key: str) -> str | None:
        """Return the record under `key`, or None."""
        found: str | None = self._run(lambda: self._client.get(_RECORD + key))
        return found

    def totals(self, counts: Sequence[Count]) -> list[int]:
        """Return what was counted in each of `counts`, none of which is sliding."""
        keys = [_SUM + count.key for count in counts]
        found = self._run(lambda: self._client.mget(keys))
        return [int(total or 0) for total in found]

    def counted(self, counts: Sequence[Count], now: float | None = None) -> list[int]:
        """Return what is counted in each of `counts`, sliding ones among them, at `now`."""
        return [self._counted(count, time.time() if now is None else now) for count in counts]

    def remove(self, counts: Sequence[Count]) -> int:
        """Forget what was counted in `counts`; return in how many of them there was anything."""
        return sum(self._removed(_key_of(count)) for count in counts)

    def delete(self, key: str, old: str) -> bool:
        """Remove the record under `key` if it is `old`; return whether it was."""
        script = self._client.register_script(_DELETE)
        return bool(self._run(lambda: script(keys=[_RECORD + key], args=[old])))

    def put(self, change: Change) -> Answer:
        """Make a change, or say why it was not made."""
        shape = slots_for(change.charge), slots_for(change.give_back)
        script = self._registered(*shape)
        counts = (*_filled(change.charge, shape[0]), *_filled(change.give_back, shape[1]))
        record = _RECORD + change.key
        unless = _RECORD + change.unless
        keys = [record, unless, *(_key_of(count) if count else record for count in counts)]
        of_change: dict[str, str | int] = {
            "old": change.old or "",
            "new": change.new,
            "ttl": milliseconds(change.ttl),
            "now": _now(change),
            "owner": f"{change.key}\n",
            "mark": f"{os.urandom(8).hex()}\n",
            "has_unless": int(bool(change.unless)),
        }
        arguments = [of_change[name] for name in _OF_CHANGE]
        for count in counts:
            arguments += _arguments_of(count)
        answer, *values = self._run(lambda: script(keys=keys, args=arguments))
        if answer == "refused":
            place, wait = values
            count = change.charge[place]
            return refusal_of(count, wait - milliseconds(count.kept))
        if answer == "differs":
            return Differs(values[0] or None)
        if answer == "forbidden":
            return Forbidden()
        return Written(tuple(values))

    def _counted(self, count: Count, now: float) -> int:
        key = _key_of(count)
        if not count.is_sliding:
            return int(self._run(lambda: self._client.get(key)) or 0)
        begin = milliseconds(now) - milliseconds(count.window) + 1
        return int(self._run(lambda: self._client.zcount(key, begin, "+inf")))

    def _removed(self, key: str) -> int:
        return int(self._run(lambda: self._client.delete(key)))

    def _register(self, charge: int, give_back: int) -> Any:
        return self._client.register_script(put_script(charge, give_back))

    def _run(self, step: Callable[[], Any]) -> Any:
        """Run a step, which may be repeated, a second time when the connection broke."""
        try:
            return step()
        except self._failure:
            pass
        try:
            return step()
        except self._failure as error:
            raise StoreUnavailable(
                f"the Redis of SMS_STATE_URL cannot be used ({_reason(error)})"
            ) from None


def _now(change: Change) -> str | int:
    """Return the time as the script takes it; nothing has it ask Redis for its own.

    Only what slides needs a time, so that other changes do not ask.
    """
    if not any(count.is_sliding for count in (*change.charge, *change.give_back)):
        return 0
    return "" if change.now is None else milliseconds(change.now)


def _filled(counts: Sequence[Count], size: int) -> list[Count | None]:
    """Return `counts` and as many empty slots as are left of `size`."""
    return [*counts, *[None] * (size - len(counts))]


def _key_of(count: Count) -> str:
    return (_MOMENTS if count.is_sliding else _SUM) + count.key


def _arguments_of(count: Count | None) -> list[str | int]:
    """Return the arguments of a slot; those of an empty one are never looked at."""
    if count is None:
        return [_EMPTY] * len(_OF_COUNT)
    of_count: dict[str, str | int] = {
        "kind": _SLIDING if count.is_sliding else _FIXED,
        "amount": count.amount,
        "limit": count.limit,
        "window": milliseconds(count.window + count.kept),
    }
    return [of_count[name] for name in _OF_COUNT]


def _reason(error: Exception) -> str:
    """Return the kind of an error and Redis's code for it, such as ``ResponseError OOM``.

    The text of the error may repeat the command, the password included.
    """
    code = re.search(r"(?:^|\d: -)([A-Z]{3,}) ", str(error))  # Redis 6 has it inside the text
    return f"{type(error).__name__} {code[1]}" if code else type(error).__name__
