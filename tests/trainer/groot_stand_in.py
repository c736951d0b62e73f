"""A program that behaves as GR00T's trainers do towards who watches them; it trains nothing.

``python groot_stand_in.py OUTPUT STEPS KIND``: draws a bar, prints metrics, writes a checkpoint every fifth step in the
layout of LeRobot 0.5.1 (``lerobot``) or of transformers (``isaac``), and knows nothing of SIGTERM. Variables: ``BREAKS_AT`` ends
it with an error at that step, ``ENDLESS`` lets it hang after the last one.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

SAVES_EVERY = 5


def main(output: Path, steps: int, kind: str) -> None:
    """Behave."""
    for step in range(1, steps + 1):
        sys.stderr.write(f"\rTraining: {step}/{steps} [00:01<00:01]")
        if kind == "lerobot":
            print(f"\nINFO step:{step} smpl:{step} ep:1 epch:0.5 loss:{10 / step:.3f} grdn:1.500 lr:1.0e-04 updt_s:0.1")
        else:
            print("\n" + str({"loss": 10 / step, "grad_norm": 1.5, "learning_rate": 1e-4, "epoch": 0.5}))
        sys.stdout.flush()
        if step == int(os.environ.get("BREAKS_AT", "0")):
            sys.exit("torch.OutOfMemoryError: CUDA out of memory")
        if step % SAVES_EVERY == 0:
            save(output, step, kind)
    if "ENDLESS" in os.environ:
        threading.Event().wait()


def save(output: Path, step: int, kind: str) -> None:
    """Write a checkpoint."""
    if kind == "lerobot":
        folder = output / f"checkpoints/{step:06d}"
        (folder / "training_state").mkdir(parents=True)
        (folder / "pretrained_model").mkdir()
        (folder / "pretrained_model/config.json").write_text(json.dumps({"step": step}))
        last = output / "checkpoints/last"
        last.unlink(missing_ok=True)
        last.symlink_to(folder.name)
        return
    folder = output / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    for name in ("config.json", "trainer_state.json"):
        (folder / name).write_text(json.dumps({"step": step}))
    (folder / "optimizer.pt").write_bytes(b"")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
