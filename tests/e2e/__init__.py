"""The whole way on a real node: the operator in a pod, installed by Helm, and pods that really train."""
