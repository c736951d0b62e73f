"""What an unmodified Hugging Face training posts is understood: the real Trainer of the pinned transformers posts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.trainer.real_trainer import WITHIN, Trainer
from tests.unit.progress.world import World

SCRIPT = Path(__file__).with_name("foreign_training.py")
STEPS = 12


@pytest.fixture(scope="module")
def posts(trainer: Trainer, world: Path) -> list[dict[str, str]]:
    """Every POST of one training, in order: its Authorization header and its body."""
    folder = world / "foreign"
    folder.mkdir()
    folder.chmod(0o777)
    shutil.copy(SCRIPT, folder / SCRIPT.name)
    # In a pod a volume is mounted where the image keeps these.
    caches = {name: f"/tmp/{name.lower()}" for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "HF_HOME")}
    (folder / "place.json").write_text(json.dumps(caches))
    # The command ends in the module to run; this is a script.
    command = [*trainer.command("trainer", folder)[:-2], str(folder / SCRIPT.name), str(folder)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"authorization"')]


async def test_its_reports_tell_the_step_the_total_and_the_loss_but_never_the_end(posts: list[dict[str, str]]) -> None:
    assert len(posts) >= 3, "one at the begin, one every five seconds, one at the end"
    assert {post["authorization"] for post in posts} == {"Bearer the-token"}
    async with World().open() as endpoint:
        begin, *between, end = [post["body"].encode() for post in posts]
        assert (await endpoint.post(begin)).status == 200
        assert endpoint.newest is not None
        assert (endpoint.newest.step, endpoint.newest.total_steps) == (0, STEPS)

        for body in between:
            assert (await endpoint.post(body)).status == 200
        assert 0 < endpoint.newest.step < STEPS
        assert endpoint.newest.metrics["loss"] > 0
        assert endpoint.newest.total_steps == STEPS

        step = endpoint.newest.step
        assert json.loads(end)["trainerStatus"]["progressPercentage"] == 100
        assert (await endpoint.post(end)).status == 200
        assert endpoint.newest.step == step, "that it is over is told by its pod"
