"""The Python API: an emulator inside your own process, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
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
        self._tls_folder: TemporaryDirectory[str] | None = None
        self.access_key_id = ""
        self.access_key_secret = ""

    def __enter__(self) -> SmsEmulator:
        """Start; returns when calls are answered."""
        from aliyun_sms_emulator.serving.listening import Listening
        from aliyun_sms_emulator.serving.server import EmulatorServer, ServerThread

        config = _read(self._config)
        listening = Listening(ports=(self._port,))
        thread = ServerThread(EmulatorServer(config, self._database, listening))
        thread.start()
        self._show_key(config)
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
        if self._tls_folder is not None:
            self._tls_folder.cleanup()
            self._tls_folder = None

    def reset(self, config: Path | str | Mapping[str, object] | None = None) -> None:
        """Forget everything and go back to the configuration and the real time.

        Where `config` is given, it is the configuration from now on; raises ConfigError.
        """
        if config is None:
            super().reset()
            return
        read = _read(config)
        self._running().server.reset(read)
        self._show_key(read)

    def environment(self, *, https: bool = True) -> dict[str, str]:
        """Variables for a process whose client has a fixed host name: a proxy, and what it trusts.

        They are what `sms-emulator env` prints. `https` needs the extra `[tls]`; raises TlsError
        without it.
        """
        from aliyun_sms_emulator.tls.environment import variables_for
        from aliyun_sms_emulator.tls.trust import write_trust

        server, trust = self._running().server, None
        if https:
            if self._tls_folder is None:
                folder = TemporaryDirectory(prefix="sms-emulator-")
                server.speak_https(Path(folder.name))
                self._tls_folder = folder
            trust = write_trust(Path(self._tls_folder.name))
        return {variable.name: variable.value for variable in variables_for(self.url, trust)}

    def _running(self) -> ServerThread:
        if self._thread is None:
            raise RuntimeError("the emulator is not running; use it in a with statement")
        return self._thread

    def _show_key(self, config: Config) -> None:
        key = next(iter(config.access_keys.values()))
        self.access_key_id, self.access_key_secret = key.id, key.secret


def _read(config: Path | str | Mapping[str, object] | None) -> Config:
    from aliyun_sms_emulator.config.reading import default_config, load_config, read_config

    if config is None:
        return default_config()
    if isinstance(config, Mapping):
        return read_config(config, "config")
    return load_config(Path(config))
