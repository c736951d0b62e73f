"""``spec.podTemplate``: what a cluster needs its pods to bear, merged over what the operator renders."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from finetune_operator.api.finetunejob.contract import (
    CLIMBING_PATHS,
    CONTRACT_VARIABLES,
    CROOKED_PATHS,
    cel_key_taken,
    cel_path_taken,
)
from finetune_operator.api.finetunejob.secret_names import URL_WITH_PASSWORD, cel_secret
from finetune_operator.api.instancetype import Toleration
from finetune_operator.api.model import ApiModel, Quantity, Rule
from finetune_operator.api.references import SecretKey, SecretKeyRef, SecretName

KEY = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$"

LabelKey = Annotated[str, Field(max_length=317)]
LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?$")]


class ConfigMapKeyRef(ApiModel):
    """One key of a ConfigMap of the job's namespace."""

    name: SecretName
    """The ConfigMap's name."""
    key: SecretKey
    """The key whose value is used."""


class EnvVarSource(ApiModel):
    """Where the value of a variable comes from."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "valueFrom needs either secretKeyRef or configMapKeyRef, and not both",
            "'valueFrom needs either secretKeyRef or configMapKeyRef, and not both; given: %s'.format(["
            "has(self.secretKeyRef) ? 'both' : 'neither'])",
        ),
    )

    secret_key_ref: SecretKeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: ConfigMapKeyRef | None = None
    """A key of a ConfigMap."""


class EnvVar(ApiModel):
    """One environment variable of the trainer."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.value) != has(self.valueFrom)",
            "a variable needs either value or valueFrom, and not both",
            "'%s needs either value or valueFrom, and not both; given: %s'.format([self.name, "
            "has(self.value) ? 'both' : 'neither'])",
        ),
        Rule(
            f"!self.name.matches('{CONTRACT_VARIABLES}')",
            "this variable belongs to the operator, the container runtime or the image: choose another name",
            "'%s belongs to the operator, the container runtime or the image: choose another name'.format([self.name])",
            ".name",
        ),
        Rule(
            f"!has(self.value) || self.value == '' || !{cel_secret('self.name')} || "
            "(self.name.endsWith('_CREDENTIALS') && self.value.startsWith('/'))",
            "a secret does not stand in a resource: put it into a Secret and use valueFrom.secretKeyRef",
            "'%s looks like a secret, which does not stand in a resource: put it into a Secret and use "
            "valueFrom.secretKeyRef'.format([self.name])",
            ".value",
        ),
        Rule(
            f"!has(self.value) || !self.value.matches('{URL_WITH_PASSWORD}')",
            "an address with a password does not stand in a resource: put it into a Secret and use valueFrom.secretKeyRef",
            "'%s is an address with a user or password, which does not stand in a resource: put it into a Secret and use "
            "valueFrom.secretKeyRef'.format([self.name])",
            ".value",
        ),
    )

    name: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
    """The variable's name."""
    value: Annotated[str, Field(max_length=4096)] | None = None
    """Its value."""
    value_from: EnvVarSource | None = None
    """Where its value comes from."""


class LocalReference(ApiModel):
    """An object of the job's namespace."""

    name: SecretName
    """The object's name."""


class ClaimSource(ApiModel):
    """A PersistentVolumeClaim."""

    claim_name: SecretName
    """The claim's name."""
    read_only: bool = False
    """Whether it is mounted read-only."""


class ConfigMapSource(ApiModel):
    """A ConfigMap as files."""

    name: SecretName
    """The ConfigMap's name."""
    optional: bool = False
    """Whether the pod starts without it."""


class SecretSource(ApiModel):
    """A Secret as files."""

    secret_name: SecretName
    """The Secret's name."""
    optional: bool = False
    """Whether the pod starts without it."""


class EmptyDirSource(ApiModel):
    """A folder that lives as long as the pod."""

    size_limit: Quantity | None = None
    """How much it may hold."""


class Volume(ApiModel):
    """A volume, of the kinds that pod security «restricted» allows: no host path, no network file system by address."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.persistentVolumeClaim), has(self.configMap), has(self.secret), has(self.emptyDir)]"
            ".filter(x, x).size() == 1",
            "a volume has exactly one of persistentVolumeClaim, configMap, secret, emptyDir",
            "'volume %s needs exactly one of persistentVolumeClaim, configMap, secret, emptyDir; given: %d'.format([self.name, "
            "[has(self.persistentVolumeClaim), has(self.configMap), has(self.secret), has(self.emptyDir)]"
            ".filter(x, x).size()])",
        ),
    )

    name: Annotated[str, Field(max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """The volume's name."""
    persistent_volume_claim: ClaimSource | None = None
    """A PersistentVolumeClaim."""
    config_map: ConfigMapSource | None = None
    """A ConfigMap as files."""
    secret: SecretSource | None = None
    """A Secret as files."""
    empty_dir: EmptyDirSource | None = None
    """A folder that lives as long as the pod."""


class VolumeMount(ApiModel):
    """Where a volume is mounted."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"!{cel_path_taken('self.mountPath')}",
            "this path belongs to the operator, the system or the image: choose another, such as /opt/NAME",
            "'%s belongs to the operator, the system or the image: choose another path, such as "
            "/opt/NAME'.format([self.mountPath])",
            ".mountPath",
        ),
        Rule(
            f"!self.mountPath.matches('{CROOKED_PATHS}')",
            "a mountPath is plain: no //, no . or .. between slashes, no slash at its end",
            "'a mountPath is plain: no //, no . or .. between slashes, no slash at its end; given: %s'.format([self.mountPath])",
            ".mountPath",
        ),
        Rule(
            f"!has(self.subPath) || !self.subPath.matches('{CLIMBING_PATHS}')",
            "a subPath stays within its volume: no .. between slashes",
            "'a subPath stays within its volume: no .. between slashes; given: %s'.format([self.subPath])",
            ".subPath",
        ),
    )

    name: Annotated[str, Field(max_length=63)]
    """A volume of podTemplate.volumes."""
    mount_path: Annotated[str, Field(max_length=512, pattern=r"^/[^:\s]+$")]
    """Where."""
    sub_path: Annotated[str, Field(max_length=512, pattern=r"^[^/\s][^\s]*$")] | None = None
    """A path within the volume."""
    read_only: bool = False
    """Whether it is mounted read-only."""


class PodTemplate(ApiModel):
    """What the pods bear besides. The operator's own labels, variables and mounts cannot be replaced."""

    rules: ClassVar[tuple[Rule, ...]] = (
        *(
            Rule(
                f"!has(self.{field}) || self.{field}.all(k, !{cel_key_taken('k')})",
                f"keys of {field} under finetune.dev, kubernetes.io and k8s.io are not a job's to set",
                f"'keys under finetune.dev, kubernetes.io and k8s.io are not a job\\'s to set; given: %s'.format("
                f"[self.{field}.filter(k, {cel_key_taken('k')})[0]])",
                f".{field}",
            )
            for field in ("labels", "annotations")
        ),
        *(
            Rule(
                f"!has(self.{field}) || self.{field}.all(k, k.matches('{KEY}'))",
                f"keys of {field} have at most 63 letters, digits, dashes, dots and underscores, after DOMAIN/ at will",
                f"'keys of {field} have at most 63 letters, digits, dashes, dots and underscores, after DOMAIN/ at will; given: %s'.format("
                f"[self.{field}.filter(k, !k.matches('{KEY}'))[0]])",
                f".{field}",
            )
            for field in ("labels", "annotations", "nodeSelector")
        ),
        Rule(
            "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && "
            "self.volumes.exists(v, v.name == m.name))",
            "a volumeMount names a volume of podTemplate.volumes",
            "'a volumeMount names a volume of podTemplate.volumes; given: %s'.format([self.volumeMounts.filter(m, "
            "!has(self.volumes) || !self.volumes.exists(v, v.name == m.name))[0].name])",
            ".volumeMounts",
        ),
    )

    labels: Annotated[dict[str, LabelValue], Field(max_length=16)] | None = None
    """Further labels."""
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=16)] | None = None
    """Further annotations."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=32)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    )
    """Further environment variables of the trainer."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] | None = None
    """Further taints that the pods tolerate."""
    node_selector: Annotated[dict[str, LabelValue], Field(max_length=16)] | None = None
    """Further labels that a node must bear; the instance type's own cannot be replaced."""
    image_pull_secrets: Annotated[tuple[LocalReference, ...], Field(max_length=8)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    )
    """Secrets that open the image's registry."""
    service_account_name: SecretName | None = None
    """The ServiceAccount of the pods; no token of it is mounted."""
    runtime_class_name: SecretName | None = None
    """The RuntimeClass of the pods."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    )
    """Further volumes."""
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=16)] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["mountPath"]}
    )
    """Where they are mounted in the trainer."""
