"""The operator's settings: a YAML file, every key optional, none unknown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from finetune_operator.api.model import Json
from finetune_operator.api.resolved import MOST_STAGE_HOURS
from finetune_operator.catalog.lookup import did_you_mean
from finetune_operator.planning.staging import STAGE_LIMIT_HOURS, Staging

FILE_VARIABLE: Final = "FINETUNE_SETTINGS"
DEFAULT_FILE: Final = "/etc/finetune/settings.yaml"
MOST_FAULTS: Final = 5


class SettingsError(ValueError):
    """The settings cannot be used. The text names the file, the key, what was given and what is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", frozen=True, use_attribute_docstrings=True, validate_by_name=True
    )


class Images(_Part):
    """The trainer images, one per family."""

    trl: str = Field(default="finetune-trainer-trl:dev", min_length=1)
    """Language models."""
    lerobot: str | None = None
    """Robot policies of LeRobot; jobs of these types are refused without it."""
    groot_n15: str | None = Field(default=None, alias="groot-n15")
    """GR00T N1.5."""
    groot_n16: str | None = Field(default=None, alias="groot-n16")
    """GR00T N1.6."""

    def by_family(self) -> dict[str, str]:
        """Those that are set, by the family's name."""
        return {name: image for name, image in self.model_dump(by_alias=True).items() if image}


class Progress(_Part):
    """The endpoint that trainers report to."""

    host: str = "0.0.0.0"  # noqa: S104 - pods reach it over the network
    port: int = Field(default=8443, ge=0, le=65535)
    url: str = "https://finetune-operator-progress.finetune-system.svc:8443"
    """Base URL under which pods reach the endpoint."""
    status_interval_seconds: float = Field(default=15, gt=0)
    """At most one status write for progress per job in this time."""
    status_writes_per_second: float = Field(default=50, gt=0)
    """Of all jobs, for mere progress; never more than half of ``qps``, which transitions need."""
    record_interval_seconds: float = Field(default=60, gt=0)
    """At most one write of a job's curve and one of its log in this time."""
    record_writes_per_second: float = Field(default=10, gt=0)
    """Of all jobs, for curves and logs; never more than a fifth of ``qps``."""
    subject_alt_names: tuple[str, ...] = ()
    """Names and addresses beside the URL's host for which the serving certificate is valid."""


class Health(_Part):
    """The endpoint of probes and metrics."""

    host: str = "0.0.0.0"  # noqa: S104 - the kubelet asks over the network
    port: int = Field(default=8080, ge=0, le=65535)


class Lease(_Part):
    """Which of several operators acts."""

    name: str = "finetune-operator"
    seconds: int = Field(default=15, ge=1)
    """A holder that does not renew for so long has lost it."""
    renew_seconds: float = Field(default=5, gt=0)

    @model_validator(mode="after")
    def _leaves_time_to_try_again(self) -> Self:
        if self.renew_seconds > self.seconds / 2:
            raise ValueError(
                f"renewSeconds is {self.renew_seconds:g}: at most half of seconds, which is {self.seconds}, "
                "so that a renewal that fails can be tried again"
            )
        return self


class Stages(_Part):
    """How the stages of a job run. A change concerns jobs that are accepted after it."""

    prepare: Literal["own", "inTrain"] = "own"
    """Where model and data are checked: in a Job of its own on CPU, or by the training itself, where volumes cannot be
    shared between nodes; then no GPU is saved from bad data, and what depends on the data is chosen without it."""
    queue_cpu: bool = False
    """Whether stages on CPU bear the job's queue too."""
    limit_hours: float = Field(default=STAGE_LIMIT_HOURS, gt=0, le=MOST_STAGE_HOURS)
    """How long a stage on CPU may run, waiting and pulling not counted; it is ended then and tried again, up to the job's
    backoffLimit."""

    @property
    def staging(self) -> Staging:
        """The same in planning's words."""
        return Staging(folded=self.prepare == "inTrain", queue_cpu=self.queue_cpu, limit_hours=self.limit_hours)


class Settings(_Part):
    """All settings. ``namespace`` and ``podName`` are the operator's own, from its environment unless given here."""

    images: Images = Images()
    stages: Stages = Stages()
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    namespace: str = "finetune-system"
    pod_name: str | None = None
    """None outside of a pod."""
    workers: int = Field(default=16, ge=1, le=256)
    qps: float = Field(default=50, gt=0)
    """Writes per second in the long run."""
    burst: int = Field(default=100, ge=1)
    """Writes at once."""
    resync_seconds: float = Field(default=300, gt=0)
    progress: Progress = Progress()
    health: Health = Health()
    lease: Lease = Lease()
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from the file that ``FINETUNE_SETTINGS`` names (a default path else; no file means defaults).

    ``POD_NAMESPACE`` and ``POD_NAME`` say who we are. Raises SettingsError.
    """
    path = Path(environ.get(FILE_VARIABLE) or DEFAULT_FILE)
    document = _read(path, required=FILE_VARIABLE in environ)
    own = {"namespace": environ.get("POD_NAMESPACE"), "podName": environ.get("POD_NAME")}
    found = {name: value for name, value in own.items() if value}
    return parse_settings({**found, **document}, str(path))


def parse_settings(document: Json, source: str) -> Settings:
    """Settings from a parsed document; ``source`` names it in messages. Raises SettingsError."""
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        faults = [_fault(dict(fault)) for fault in error.errors(include_url=False)[:MOST_FAULTS]]
        raise SettingsError(f"{source}: " + "; ".join(faults)) from None


def _read(path: Path, *, required: bool) -> Json:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise SettingsError(f"{path}: no such file; {FILE_VARIABLE} names it") from None
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read as YAML: {error}") from None
    if not isinstance(document, dict | None):
        raise SettingsError(f"{path}: expected keys and values, found {type(document).__name__}")
    return document or {}


def _fault(fault: Json) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "value_error":
        return f"{where}: {fault['ctx']['error']}"
    if fault["type"] != "extra_forbidden":
        return f"{where}: {fault['msg']}, given {fault['input']!r}"
    allowed = _keys_at(fault["loc"][:-1])
    hint = did_you_mean(str(fault["loc"][-1]), dict.fromkeys(allowed))
    return f"{where}: no such setting{hint}; allowed here: {', '.join(allowed)}"


def _keys_at(place: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in place:
        field = next(field for name, field in model.model_fields.items() if to_camel(name) == part)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            model = field.annotation
    return sorted(to_camel(name) for name in model.model_fields)
