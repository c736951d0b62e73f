"""The one image that the cluster itself needs: Debian's static busybox, as a pause container and as a volume helper.

Written as an OCI archive by hand, because a registry is not at hand and one static program needs no builder.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import ClusterError, log_tail
from tests.cluster.places import ClusterFolder

NAME = "localhost/finetune-operator/busybox"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
NAMESPACE = "k8s.io"  # the part of containerd that kubelet sees


@dataclass(frozen=True)
class ToolImage:
    """A reference that carries the hash of the program in it, and the archive to import."""

    reference: str
    archive: bytes


def tool_image(machine: str) -> ToolImage:
    """The image for `machine` (as `platform.machine()` says), from the busybox that is installed here."""
    program = shutil.which("busybox") or "/bin/busybox"
    content = Path(program).read_bytes()
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    layer = _layer(content, applets)
    config: dict[str, object] = {
        "architecture": ARCHITECTURES.get(machine, machine),
        "os": "linux",
        # As a pause container it sleeps; a pod of its own names another command.
        "config": {"Entrypoint": ["/bin/busybox"], "Cmd": ["sleep", "inf"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }
    reference = f"{NAME}:{hashlib.sha256(layer).hexdigest()[:12]}"
    return ToolImage(reference, _archive(reference, gzip.compress(layer, mtime=0), config))


def import_into(folder: ClusterFolder, image: ToolImage) -> None:
    """Give the image to the cluster's containerd, unless it has it from an earlier run."""
    control = ["ctr", "--address", str(folder.containerd_socket), "--namespace", NAMESPACE, "images"]
    known = subprocess.run([*control, "list", "--quiet"], capture_output=True, text=True, check=False)
    if image.reference in known.stdout.split():
        return
    run = subprocess.run([*control, "import", "-"], input=image.archive, capture_output=True, check=False)
    if run.returncode:
        raise ClusterError(
            f"containerd did not take the image {image.reference}:\n{log_tail(run.stderr.decode(errors='replace'))}",
            f"remove {folder.containerd} and start the cluster again; images are then imported afresh",
        )


def _layer(program: bytes, applets: list[str]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        for folder, mode in (("bin", 0o755), ("tmp", 0o1777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        _add(archive, "bin/busybox", program, mode=0o755)
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
    return output.getvalue()


def _archive(reference: str, layer: bytes, config: dict[str, object]) -> bytes:
    blobs = {"layer": layer, "config": _json(config)}
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _described("application/vnd.oci.image.config.v1+json", blobs["config"]),
            "layers": [_described("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
        }
    )
    described = _described("application/vnd.oci.image.manifest.v1+json", manifest)
    entry = {**described, "annotations": {"io.containerd.image.name": reference}}
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", _json({"schemaVersion": 2, "manifests": [entry]}))
        for blob in (*blobs.values(), manifest):
            _add(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
    return output.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _described(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(blob), "size": len(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


def _json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True).encode()
