"""Models that a policy is built on, such as its tokenizer or its vision model: fetched as the run's own sources are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trainer.contract.run import read_run
from trainer.environment import Places
from trainer.transfer.fetching import fetch
from trainer.transfer.localising import means_of
from trainer.transfer.places import masked, parse_place
from trainer.transfer.wants import Want
from trainer.workspace.layout import Workspace

if TYPE_CHECKING:
    from pathlib import Path

PARAM = "spec.model.name"


def fetch_hub_model(repo: str, revision: str, purpose: str, files: tuple[str, ...] = ()) -> Path:
    """The folder of a repository that the model needs besides its own, `purpose` in a word: `tokenizer`, `backbone`.

    `files` are patterns of names (`*.json`) when not all is needed. Opened by the model's token. Kept where the run's
    sources are, at the commit that was found first. UserError and Broken as `localised` has them.
    """
    print(f"the model's {purpose}: hf://{repo}", flush=True)
    want = Want(
        parse_place(f"hf://{repo}", PARAM, "model"),
        revision,
        "MODEL",
        PARAM,
        "file" if files else "model",
        patterns=files,
    )
    return _fetched(want)


def fetch_file(uri: str, param: str, purpose: str, sha256: str) -> Path:
    """One file that a setting, `param`, stands for: the SHA-256 must begin with these hex digits.

    `purpose` says by which variables it is opened, and no model's token goes there. Kept and ending as above.
    """
    print(f"what {param.rpartition('.')[2]} names: {masked(uri)}", flush=True)
    return _fetched(Want(parse_place(uri, param, "model"), "", purpose, param, "file", sha256=sha256))


def _fetched(want: Want) -> Path:
    run = read_run(Places.from_environment(os.environ).run_json)
    return fetch(want, means_of(run, Workspace(run.workspace, run.number), os.environ)).path
