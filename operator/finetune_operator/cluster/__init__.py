"""What is: the one door to the API server. Only this package imports ``kubernetes``; everything goes as plain JSON."""

from finetune_operator.cluster.client import CallRecord, Cluster, Limits
from finetune_operator.cluster.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    Unauthorized,
    Unavailable,
)
from finetune_operator.cluster.resources import Key, ObjectKey, Resource

__all__ = [
    "AlreadyExists",
    "CallRecord",
    "Cluster",
    "ClusterError",
    "Conflict",
    "Invalid",
    "Key",
    "Limits",
    "NotFound",
    "ObjectKey",
    "Refused",
    "Resource",
    "Unauthorized",
    "Unavailable",
]
