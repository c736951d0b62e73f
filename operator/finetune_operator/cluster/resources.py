"""The resources that the operator reads and writes, and how their objects are addressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from typing_extensions import override

from finetune_operator.api.model import Json
from finetune_operator.api.names import GROUP, VERSION


class Key(NamedTuple):
    """The address of an object among those of its kind. ``namespace`` is empty for a cluster-scoped one."""

    namespace: str
    name: str

    @override
    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class ObjectKey(NamedTuple):
    """What a listing of keys says about one object: where it is, which one, and how new."""

    key: Key
    uid: str
    version: str
    """``metadata.resourceVersion``."""


@dataclass(frozen=True)
class Resource:
    """A kind of object and where the API server keeps it. ``group`` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As objects spell it: ``v1``, ``batch/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def whole(self, item: Json) -> Json:
        """An item of a list as the object that it is: the server leaves version and kind out there."""
        return {"apiVersion": self.api_version, "kind": self.kind, **item}

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of an object or, without a name, of a collection; without a namespace, in all namespaces."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return (
            f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "") + (f"/{subresource}" if subresource else "")
        )


FINETUNEJOBS: Final = Resource(GROUP, VERSION, "finetunejobs", "FineTuneJob")
INSTANCETYPES: Final = Resource(GROUP, VERSION, "instancetypes", "InstanceType", namespaced=False)
BASEMODELS: Final = Resource(GROUP, VERSION, "basemodels", "BaseModel", namespaced=False)
DATASETS: Final = Resource(GROUP, VERSION, "datasets", "Dataset")
JOBS: Final = Resource("batch", "v1", "jobs", "Job")
PODS: Final = Resource("", "v1", "pods", "Pod")
EVENTS: Final = Resource("", "v1", "events", "Event")
CLAIMS: Final = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim")
SECRETS: Final = Resource("", "v1", "secrets", "Secret")
CONFIGMAPS: Final = Resource("", "v1", "configmaps", "ConfigMap")
SERVICES: Final = Resource("", "v1", "services", "Service")
NAMESPACES: Final = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
LEASES: Final = Resource("coordination.k8s.io", "v1", "leases", "Lease")
TOKENREVIEWS: Final = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
