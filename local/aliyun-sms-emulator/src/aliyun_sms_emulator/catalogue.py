"""Templates and signatures: those of the configuration, and what was changed while running."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from aliyun_sms_emulator.config.config import Config, Signature
from aliyun_sms_emulator.rules.templates import Template
from aliyun_sms_emulator.tables.store import Store


class Catalogue:
    """What may be sent, by code and by name; changes survive a restart and win over the file."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self.templates: dict[str, Template] = {}
        self.signatures: dict[str, Signature] = {}
        self.read()

    def use(self, config: Config) -> None:
        """Go on with another configuration, and with no changes."""
        self._config = config
        self.read()

    def read(self) -> None:
        """Read what the configuration and the database say."""
        self.templates = dict(self._config.templates)
        for code, values in self._changes("templates").items():
            self.templates.pop(code, None)
            if values is not None:
                self.templates[code] = Template(**values)  # type: ignore[arg-type]
        self.signatures = dict(self._config.signatures)
        for name, values in self._changes("signatures").items():
            self.signatures.pop(name, None)
            if values is not None:
                self.signatures[name] = Signature(**values)  # type: ignore[arg-type]

    def template(self, code: str, now: float) -> Template | None:
        """Find a template, with the state its review has now; None if there is none."""
        template = self.templates.get(code)
        return None if template is None else template.at(now)

    def own_templates(self, now: float) -> list[Template]:
        """List the templates but for gift ones, each with the state its review has now."""
        return [t.at(now) for t in self.templates.values() if t.type != "gift"]

    def put_template(self, template: Template) -> None:
        """Add a template, or take it instead of the one with its code."""
        self._remember("templates", template.code, asdict(template))
        self.templates[template.code] = template

    def remove_template(self, code: str) -> None:
        """Forget a template that is there."""
        self._remember("templates", code, None)
        del self.templates[code]

    def put_signature(self, signature: Signature) -> None:
        """Add a signature, or take it instead of the one with its name."""
        self._remember("signatures", signature.name, asdict(signature))
        self.signatures[signature.name] = signature

    def remove_signature(self, name: str) -> None:
        """Forget a signature that is there."""
        self._remember("signatures", name, None)
        del self.signatures[name]

    def _changes(self, kind: str) -> Mapping[str, dict[str, object] | None]:
        return cast("Mapping[str, dict[str, object] | None]", self._store.state(kind) or {})

    def _remember(self, kind: str, key: str, values: dict[str, object] | None) -> None:
        self._store.set_state(kind, {**self._changes(kind), key: values})
