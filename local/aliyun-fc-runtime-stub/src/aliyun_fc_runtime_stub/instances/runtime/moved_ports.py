# ruff: noqa: INP001  (a folder of its own, of programs that import nothing of ours)
"""Moves the port that a program listens on, whatever it is written to listen on.

Programs of custom runtimes often listen on a fixed port: on Function Compute each has a machine of
its own. Here they share one. Linux can hand a system call to another process before it is done
(seccomp user notification, Linux 5.5): each bind() of the program comes here, and a wanted port in
its address is replaced by the given one. Everything else of the network stays as it is, which a
network namespace would cut off.

Source of the numbers: linux/seccomp.h, linux/filter.h, linux/audit.h, asm/unistd.h.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import socket
import struct
import sys
import threading

_SECCOMP, _BIND, _ARCHITECTURE = {
    "x86_64": (317, 49, 0xC000003E),
    "aarch64": (277, 200, 0xC00000B7),
}.get(platform.machine(), (0, 0, 0))
_SET_MODE_FILTER, _NEW_LISTENER, _NO_NEW_PRIVILEGES = 1, 8, 38
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def give_binds(supervisor: socket.socket) -> None:
    """Hand each bind() of this process and its children to who holds the other end, if possible."""
    listener = _install_filter()
    if listener >= 0:
        socket.send_fds(supervisor, [b"+"], [listener])
        os.close(listener)
    else:
        supervisor.send(b"-")


def _install_filter() -> int:
    """Return the descriptor that tells of each bind(), -1 where there is none."""
    if sys.platform != "linux" or not _BIND:
        return -1
    steps = (
        (_LOAD, 0, 0, 4),  # the architecture: other ones have other numbers
        (_EQUAL, 0, 3, _ARCHITECTURE),
        (_LOAD, 0, 0, 0),  # the number of the system call
        (_EQUAL, 0, 1, _BIND),
        (_RETURN, 0, 0, _NOTIFY),
        (_RETURN, 0, 0, _ALLOW),
    )
    instructions = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), instructions)
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (_SECCOMP, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    listener: int = library.syscall(*arguments)
    if listener < 0:  # a user without privileges has to give up getting any
        library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        listener = library.syscall(*arguments)
    return listener


class PortMover:
    """Replaces the port `wanted` by `given` in the addresses that a program binds to."""

    def __init__(self, program: socket.socket, wanted: int, given: int) -> None:
        self._program = program
        self._wanted = struct.pack(">H", wanted)
        self._given = struct.pack(">H", given)

    def start(self) -> None:
        """Begin, in a thread."""
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        """Go on until the program and all its children have ended."""
        try:
            _, descriptors, _, _ = socket.recv_fds(self._program, 1, 1)
            while descriptors:
                self._answer(descriptors[0])
        except OSError:  # the program has ended
            return

    def _answer(self, listener: int) -> None:
        notice = bytearray(_NOTICE.size)
        fcntl.ioctl(listener, _RECEIVE, notice)
        number, process, _, _, _, _, _, address, length, *_ = _NOTICE.unpack(notice)
        try:
            self._move(process, address, length)
        finally:
            fcntl.ioctl(listener, _SEND, _ANSWER.pack(number, 0, 0, _CONTINUE))

    def _move(self, process: int, address: int, length: int) -> None:
        try:
            with open(f"/proc/{process}/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
                memory.seek(address)
                start = memory.read(min(length, 4))
                family = int.from_bytes(start[:2], sys.byteorder)
                if family in _FAMILIES and start[2:4] == self._wanted:
                    memory.seek(address + 2)
                    memory.write(self._given)
        except (OSError, OverflowError, ValueError):  # it binds where it wants to
            return


def can_move_ports() -> bool:
    """Try it: let a child bind to one free port, and see it bound to another."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        wanted, given = first.getsockname()[1], second.getsockname()[1]
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        _bind_as_child(theirs, wanted, given)
    theirs.close()
    PortMover(ours, wanted, given).start()
    return os.waitpid(child, 0)[1] == 0


def _bind_as_child(supervisor: socket.socket, wanted: int, given: int) -> None:
    try:
        give_binds(supervisor)
        with socket.socket() as one:
            one.bind(("127.0.0.1", wanted))
            os._exit(0 if one.getsockname()[1] == given else 1)
    finally:
        os._exit(1)
