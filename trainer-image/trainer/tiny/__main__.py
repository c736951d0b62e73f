"""`python -m trainer.tiny --out DIR [--seed N]`: make the tiny chat model, without network, in about 15 s."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from trainer.environment import library_environment


def main() -> int:
    """Make the model in the folder that is asked for; whole or not at all. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m trainer.tiny", description="Make a tiny chat model, offline.")
    parser.add_argument("--out", required=True, type=Path, help="folder to make; must not exist, or be empty")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another model (default 0)")
    asked = parser.parse_args()
    out: Path = asked.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        parser.error(f"{out} exists and is not an empty folder; name another, or remove it")
    os.environ.update(library_environment())
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".tiny-") as folder:
        whole = Path(folder) / "model"
        _make(whole, asked.seed)
        whole.replace(out)
    print(f"the tiny chat model is in {out}")
    return 0


def _make(folder: Path, seed: int) -> None:
    from trainer.tiny.pretraining import make_model  # noqa: PLC0415 - slow to import: after the arguments are checked
    from trainer.tiny.tokenizer import make_tokenizer  # noqa: PLC0415

    tokenizer = make_tokenizer()
    make_model(tokenizer, seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
