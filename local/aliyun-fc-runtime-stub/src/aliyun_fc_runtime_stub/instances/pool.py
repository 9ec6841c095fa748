"""The instances of one function: as many calls each as its kind takes, more of them under load."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from ..errors import Throttled
from ..template.model import Function
from .instance import Instance, InstanceSettings, InstanceState
from .invocation import Call, Invocation
from .kinds import kind_of


class Instances:
    """All instances of one function."""

    def __init__(self, function: Function, settings: InstanceSettings) -> None:
        self.function = function
        self._settings = settings
        self._make = kind_of(function.runtime).make
        self._calls: dict[Instance, int] = {}  # of all instances: how many calls each is running
        self._free: list[Instance] = []  # those with room for a call; used last, taken first
        self._freed = asyncio.Event()
        self._sweeper: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def states(self) -> list[InstanceState]:
        """Return what each instance is doing, the busy ones first."""
        found = (instance.state() for instance in self._calls if instance.alive)
        return sorted(found, key=lambda state: not state.busy)

    @property
    def code(self) -> Path:
        """The folder with the function's code."""
        return self._settings.code

    async def invoke(self, call: Call) -> Invocation:
        """Run one call on an instance with room or a new one; raises Throttled at the limit."""
        instance = self._acquire()
        try:
            return await instance.invoke(call)
        finally:
            self._release(instance)

    def _acquire(self) -> Instance:
        while self._free:
            instance = self._free[-1]
            if instance.alive:
                break
            self._free.pop()
            self._forget_ended(instance)
        else:
            instance = self._new()
        self._calls[instance] += 1
        if self._calls[instance] >= instance.capacity:
            self._free.pop()
        return instance

    def _new(self) -> Instance:
        if len(self._calls) >= self._settings.limit:
            raise Throttled(
                f"all {self._settings.limit} instances of {self.function.name!r} are busy"
            )
        instance = self._make(self.function, self._settings)
        self._calls[instance] = 0
        self._free.append(instance)
        return instance

    def _release(self, instance: Instance) -> None:
        if instance not in self._calls:  # all have been stopped
            return
        self._calls[instance] -= 1
        if not instance.alive:
            self._forget_ended(instance)
        elif instance not in self._free:
            self._free.append(instance)
            self._sweep_later()
        self._freed.set()

    def _forget_ended(self, instance: Instance) -> None:
        """Drop an instance that has ended, once the last of its calls is over."""
        if self._calls.get(instance) == 0:
            del self._calls[instance]
        if instance in self._free:
            self._free.remove(instance)

    def _idle(self) -> list[Instance]:
        """Return the instances without a call."""
        return [instance for instance in self._free if self._calls[instance] == 0]

    def _take_out(self, instances: list[Instance]) -> None:
        """Give these instances no call any more."""
        self._free = [instance for instance in self._free if instance not in instances]

    def _sweep_later(self) -> None:
        if self._sweeper is None and (idle := self._idle()):
            oldest = min(instance.last_used for instance in idle)
            wait = oldest + self._settings.idle_seconds - time.monotonic()
            self._sweeper = asyncio.get_running_loop().call_later(wait, self._sweep)

    def _sweep(self) -> None:
        """End what has been idle for long."""
        self._sweeper = None
        oldest = time.monotonic() - self._settings.idle_seconds
        ending = [instance for instance in self._idle() if instance.last_used <= oldest]
        self._take_out(ending)
        for instance in ending:
            task = asyncio.get_running_loop().create_task(self._end(instance))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        self._sweep_later()

    async def _end(self, instance: Instance) -> None:
        log = await instance.stop()
        self._calls.pop(instance, None)
        self._freed.set()
        if log:
            self._settings.notice("an idle instance has ended", log)

    async def retire(self) -> str:
        """End each instance when its calls are over; nothing may be invoked any more.

        Returns what the preStop hooks wrote.
        """
        logs = []
        self._stop_sweeping()
        while self._calls:
            self._freed.clear()
            idle = self._idle()
            self._take_out(idle)
            logs += await asyncio.gather(*(instance.stop() for instance in idle))
            for instance in idle:
                self._calls.pop(instance, None)
            if self._calls and not self._idle():
                await self._freed.wait()
        return "".join(logs)

    async def stop(self) -> str:
        """Run the preStop hooks of idle instances, end all of them; return what the hooks wrote."""
        self._stop_sweeping()
        logs = await asyncio.gather(*(instance.stop() for instance in self._calls))
        self._free.clear()
        self._calls.clear()
        return "".join(logs)

    def _stop_sweeping(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()
