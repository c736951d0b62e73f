"""What `make demo-vla` says, applies and reads, without a cluster."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest
from rich.console import Console

from finetune_operator.api import uris
from finetune_operator.api.finetunejob import FineTuneJobSpec
from finetune_operator.planning.resolve import Admission, Offer, admit
from tests.demo.failure import DemoError
from tests.demo.kubectl import Json
from tests.demo.plan import announcement, local_plan
from tests.demo.steps import Steps
from tests.demo_vla.__main__ import SHOW
from tests.demo_vla.report import show_result, successes, write_report
from tests.demo_vla.task import CLAIM, DATASET, EPISODES, FOLDER, JOB, manifest, recorder
from tests.demo_vla.trials import WEIGHTS, Trial, read_trial, save_pictures, tryout
from tests.images.recipes import ROBOTS
from tests.support import samples
from trainer.backends.lerobot.extra import check_extra
from trainer.backends.lerobot.kinds import KINDS
from trainer.pick.__main__ import parser
from trainer.pick.sensors import CAMERAS

RESULT: Final = {"uri": "pvc://pick-and-place-output/model"}
TOLD: Final = {"tries": 20, "succeeded": [0, 3], "animation": "d2VicA==", "sheet": "cG5n"}


def test_the_plan_is_announced_with_the_robots_image_and_the_time_of_a_training() -> None:
    said = announcement(local_plan("demo", images=ROBOTS, show=SHOW), "demo", SHOW)

    assert "The demo trains a robot policy (ACT)" in said
    assert f"{SHOW.part.what}: about 13 min" in said
    assert "compare the answers" not in said


def test_the_job_is_accepted_with_the_shipped_catalog() -> None:
    offer = Offer(samples.catalog(), {"lerobot": "trainer-lerobot:test"}, datasets={}, workspaces={})

    accepted = admit(FineTuneJobSpec.model_validate(manifest()["spec"]), offer)

    assert isinstance(accepted, Admission), accepted
    assert manifest()["metadata"]["name"] == JOB


def test_the_job_looks_through_the_cameras_that_are_recorded_and_reads_what_the_recorder_writes() -> None:
    spec = manifest()["spec"]
    (dataset,) = spec["datasets"]
    (container,) = recorder("image")["spec"]["template"]["spec"]["containers"]

    asked = parser().parse_args(container["command"][3:])

    assert set(spec["cameraMappings"].values()) == set(CAMERAS)
    assert uris.parse(dataset["uri"]) == uris.ClaimPath(CLAIM, DATASET)
    assert (str(asked.out), asked.episodes) == (f"{FOLDER}/{DATASET}", EPISODES)
    assert {mount["name"]: mount["readOnly"] for mount in container["volumeMounts"] if "readOnly" in mount} == {
        CLAIM: False
    }


def test_the_trainer_knows_every_setting_of_the_job() -> None:
    check_extra("act", KINDS["act"], manifest()["spec"]["hyperparameters"]["extra"])


@pytest.mark.parametrize(("when", "seed"), [("before", 0), ("after", None)])
def test_a_policy_tries_with_first_weights_before_and_its_own_after(when: str, seed: int | None) -> None:
    errand = tryout(when, "image", RESULT)

    asked = parser().parse_args(errand.command[3:])

    assert (str(asked.policy), asked.fresh_weights, asked.embed) == ("/policy/model", seed, True)
    assert asked.seeds == tuple(range(20))
    assert errand.claims == {"pick-and-place-output": "/policy"}
    assert not errand.writable


def test_a_policy_that_lies_on_no_claim_is_refused() -> None:
    with pytest.raises(TypeError, match="hf://mine/policy"):
        tryout("after", "image", {"uri": "hf://mine/policy"})


def test_what_a_pod_says_is_found_behind_what_libraries_write() -> None:
    trial = read_trial(f"WARNING: no torchcodec\n{json.dumps(TOLD)}\n")

    assert trial == Trial(20, (0, 3), {"webp": b"webp", "png": b"png"})


def test_a_pod_that_says_nothing_is_an_error_with_its_log() -> None:
    with pytest.raises(DemoError, match="without saying how it went") as caught:
        read_trial("WARNING: no torchcodec\n")

    assert caught.value.evidence == "WARNING: no torchcodec\n"


def test_pictures_are_named_by_when_and_kind(tmp_path: Path) -> None:
    trials = {when: Trial(20, (), {"webp": base64.b64decode("AAAA"), "png": b"png"}) for when in WEIGHTS}

    files = save_pictures(trials, tmp_path / "demo-vla")

    assert [file.name for file in files] == ["before.webp", "before.png", "after.webp", "after.png"]
    assert files[3].read_bytes() == b"png"


def test_the_end_says_both_rates_and_where_pictures_lie(tmp_path: Path) -> None:
    trials = _trials()
    console = Console(file=io.StringIO(), width=120)

    show_result(console, _job(), trials, [tmp_path / "after.webp"])

    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "Before      the block lay in the zone after 0 of 20 tries (0%)" in said
    assert "After       the block lay in the zone after 18 of 20 tries (90%)" in said
    assert "after.webp" in said
    assert "Loss        0.90 → 0.10" in said


def test_the_report_holds_the_seeds_that_succeeded_and_is_written_without_a_job_too(tmp_path: Path) -> None:
    steps = Steps(Console(file=io.StringIO()), clock=lambda: 5.0)

    write_report(tmp_path / "a" / "report.json", steps, _job(), _trials())
    write_report(tmp_path / "b" / "report.json", steps, None, {})

    told, nothing = (json.loads((tmp_path / each / "report.json").read_text("utf-8")) for each in ("a", "b"))
    assert told["trials"]["after"] == {"tries": 20, "succeeded": list(range(18))}
    assert (told["steps"], nothing["phase"], nothing["trials"]) == (900, None, {})


def test_a_rate_is_told_in_numbers_and_percent() -> None:
    assert successes(Trial(20, tuple(range(13)), {})).endswith("13 of 20 tries (65%)")


def _trials() -> Mapping[str, Trial]:
    return {"before": Trial(20, (), {}), "after": Trial(20, tuple(range(18)), {})}


def _job() -> Json:
    return {
        "metadata": {"name": JOB},
        "status": {
            "phase": "Succeeded",
            "result": RESULT,
            "progress": {"step": 900, "metrics": {"loss": 0.1, "firstLoss": 0.9}},
            "usage": {"trainingSeconds": 300},
            "resolved": {"instanceType": {}},
        },
    }
