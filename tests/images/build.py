"""Builds one image from its Dockerfile."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from tests.images import python_image
from tests.images.disk import demand
from tests.images.progress import step

if TYPE_CHECKING:
    from tests.images.plan import Plan
    from tests.images.progress import Say
    from tests.images.storage import Storage

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"  # where Debian's and the python:slim images keep trusted certificates


def build(storage: Storage, plan: Plan, say: Say) -> None:
    """Build what `plan` says, unless the store has it, and forget older builds of the same image.

    Raises ImageError when a step fails or the disk is too full.
    """
    present = storage.references()
    if plan.reference in present:
        return
    cost = plan.cost(present)
    demand(storage.workshop.folder, cost.build_gigabytes, f"building the {plan.recipe.name} image")
    storage.forget(["rm", "--all"])  # half-built containers, gigabytes each, that a killed builder left
    base = python_image.ensure(storage, say)
    log = storage.workshop.log(f"{plan.recipe.name}.build.log")
    with step(say, f"Building {plan.reference}", cost.build_seconds, lambda: _stage(log)):
        _build(storage, plan, base, log)
    _forget_older(storage, plan, base)


def _build(storage: Storage, plan: Plan, base: str, log: Path) -> None:
    folder = storage.workshop.scratch / plan.recipe.name
    plan.context.write(folder)
    arguments = ["--layers", "--force-rm", "--target", plan.recipe.target, "--tag", plan.reference]
    arguments += ["--build-arg", f"BASE={base}", *_certificates(), str(folder)]
    storage.build(arguments, log)


def _stage(log: Path) -> str:
    """Give the instruction of the Dockerfile that buildah, writing to `log`, is at."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return next((line[:80] for line in reversed(lines) if "] STEP " in line), "")


def _certificates() -> list[str]:
    # A house with a certificate authority of its own trusts it on the host already; the build has to trust it too.
    found = ssl.get_default_verify_paths().cafile or _BUNDLE
    return ["--volume", f"{os.path.realpath(found)}:{_BUNDLE}:ro"] if Path(found).is_file() else []


def _forget_older(storage: Storage, plan: Plan, base: str) -> None:
    ours = (f"{plan.recipe.repository}:", f"{base.rpartition(':')[0]}:")
    kept = {plan.reference, base}
    older = [name for name in storage.references() if name.startswith(ours) and name not in kept]
    if older:
        storage.forget(["rmi", *older])
