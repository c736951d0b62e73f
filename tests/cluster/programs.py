"""What one supervised program is, told as a value; and the writing of its configuration files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from tests.cluster.components import program_path
from tests.cluster.network import Network
from tests.cluster.places import ClusterFolder

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Setting:
    """What every program's command line is made from: where the cluster lies and which addresses it has."""

    folder: ClusterFolder
    network: Network

    def certificate(self, name: str) -> str:
        """Path of a certificate of this cluster."""
        return str(self.folder.certificates / f"{name}.crt")

    def key(self, name: str) -> str:
        """Path of the key of that certificate."""
        return str(self.folder.certificates / f"{name}.key")

    def kubeconfig(self, user: str) -> str:
        """Path of the kubeconfig of one component."""
        return str(self.folder.configuration / f"{user}.kubeconfig")


@dataclass(frozen=True)
class ProgramSpec:
    """One program to supervise: an absolute path with arguments, an environment, and a log to append to."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: str

    def as_request(self) -> dict[str, object]:
        """As the supervisor wants it."""
        return asdict(self)


def spec(setting: Setting, program: str, flags: Mapping[str, str | bool], *verbs: str) -> ProgramSpec:
    """A spec for `program` (a name of ours, or an absolute path).

    Args:
        setting: the cluster it belongs to.
        program: a program that this project builds, or the path of an installed one.
        flags: option to value; written as `--option=value`.
        verbs: arguments that stand before the options.
    """
    path = Path(program) if program.startswith("/") else program_path(program)
    options = (f"--{name}={_value(value)}" for name, value in flags.items())
    environment = {"PATH": SEARCH_PATH, "HOME": str(setting.folder.root), "LANG": "C.UTF-8"}
    log = str(setting.folder.logs / f"{path.name}.log")
    return ProgramSpec(path.name, (str(path), *verbs, *options), environment, log)


def write_yaml(path: Path, content: Mapping[str, object]) -> str:
    """Write `content` as YAML; the path, as command lines want it."""
    return write_text(path, yaml.safe_dump(dict(content), sort_keys=False))


def write_json(path: Path, content: Mapping[str, object]) -> str:
    """Write `content` as JSON; the path, as command lines want it."""
    return write_text(path, json.dumps(content, indent=2))


def write_toml(path: Path, tables: Mapping[str, Mapping[str, object]]) -> str:
    """Write `tables`, header to keys, as TOML; the path. Strings, numbers, truths and lists of strings are the same in JSON."""
    blocks = []
    for header, content in tables.items():
        lines = [f"{key} = {json.dumps(value)}" for key, value in content.items()]
        blocks.append("\n".join([f"[{header}]" if header else "", *lines]))
    return write_text(path, "\n\n".join(blocks).lstrip() + "\n")


def write_text(path: Path, text: str) -> str:
    """Write `text` where the file does not say it already; the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # kube-proxy ends when its file is written, so a second `up` must not touch a file that says the same.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return str(path)


def _value(value: str | bool) -> str:  # noqa: FBT001 - a flag's value may be a truth
    return str(value).lower() if isinstance(value, bool) else value
