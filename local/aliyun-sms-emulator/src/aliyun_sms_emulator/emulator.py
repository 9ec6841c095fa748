"""The Python API: an emulator inside your own process, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from aliyun_sms_emulator.client import EmulatorClient

if TYPE_CHECKING:
    from aliyun_sms_emulator.config.config import Config
    from aliyun_sms_emulator.serving.server import ServerThread


class SmsEmulator(EmulatorClient):
    """An emulator on a free port of 127.0.0.1, running while the `with` block does.

    Args:
        config: a YAML file, or the same as a mapping; None is the built-in configuration.
        database: a SQLite file; None keeps everything in memory.
        port: port to listen on; 0 takes a free one.

    `access_key_id` and `access_key_secret` are the configuration's first key pair.
    """

    def __init__(
        self,
        config: Path | str | Mapping[str, object] | None = None,
        database: Path | str | None = None,
        port: int = 0,
    ) -> None:
        super().__init__("")
        self._config = config
        self._database = None if database is None else Path(database)
        self._port = port
        self._thread: ServerThread | None = None
        self.access_key_id = ""
        self.access_key_secret = ""

    def __enter__(self) -> SmsEmulator:
        """Start; returns when calls are answered."""
        from aliyun_sms_emulator.serving.listening import Listening
        from aliyun_sms_emulator.serving.server import EmulatorServer, ServerThread

        config = self._read_config()
        listening = Listening(ports=(self._port,))
        thread = ServerThread(EmulatorServer(config, self._database, listening))
        thread.start()
        key = next(iter(config.access_keys.values()))
        self.access_key_id, self.access_key_secret = key.id, key.secret
        self.url = thread.server.url
        self._thread = thread
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; returns when the port and the database are closed."""
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
            self.url = ""

    def _read_config(self) -> Config:
        from aliyun_sms_emulator.config.reading import default_config, load_config, read_config

        if self._config is None:
            return default_config()
        if isinstance(self._config, Mapping):
            return read_config(self._config, "config")
        return load_config(Path(self._config))
