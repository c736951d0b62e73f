"""`python -m trainer.pick` as it is asked on a command line: seeds, and what it refuses."""

from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from tests.trainer.documents import Json
from tests.trainer.real_trainer import Trainer
from trainer.failures import UserError
from trainer.pick.__main__ import main, seeds_of
from trainer.pick.pilot import check
from trainer.pick.recording import record


def test_seeds_are_numbers_and_spans_each_once() -> None:
    assert seeds_of("0-3,7, 9-10,2") == (0, 1, 2, 3, 7, 9, 10)


@pytest.mark.parametrize("text", ["", "-1", "3-1", "a", "1-", "0-100000", "1.5"])
def test_what_is_no_seed_is_refused_with_what_was_given(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"write 0-19|must go upwards"):
        seeds_of(text)


def test_a_folder_without_a_policy_is_refused_with_what_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["roll-out", "--policy", str(tmp_path)])

    said = capsys.readouterr().err
    assert code == 64
    assert said.startswith(f"--policy: {tmp_path} holds no policy")
    assert "model/" in said


def test_a_policy_that_looks_at_what_this_robot_has_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    features: Json = {"observation.state": {}, "observation.images.wirst": {}}
    (tmp_path / "config.json").write_text(json.dumps({"type": "act", "input_features": features}), encoding="utf-8")

    with pytest.raises(UserError, match=r"'observation\.images\.wirst'.*Did you mean 'observation\.images\.wrist'"):
        check(tmp_path)


def test_a_file_that_is_no_policys_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")

    with pytest.raises(UserError, match="no policy of LeRobot's"):
        check(tmp_path)


def test_recordings_that_are_there_stay_and_others_in_their_place_are_refused(tmp_path: Path) -> None:
    facts = tmp_path / "pick" / "meta" / "info.json"
    facts.parent.mkdir(parents=True)
    facts.write_text(json.dumps({"total_episodes": 4, "total_frames": 90}), encoding="utf-8")

    assert record(tmp_path / "pick", 4, seed=0) == 90
    with pytest.raises(UserError, match="holds 4 episodes, and 5 were asked for"):
        record(tmp_path / "pick", 5, seed=0)
    with pytest.raises(UserError, match="something that is no recording"):
        record(tmp_path, 5, seed=0)


@pytest.mark.trainer
def test_demonstrations_become_a_dataset_that_the_check_of_the_data_accepts(
    robots_trainer: Trainer, world: Path
) -> None:
    folder = world / "pick-recordings"
    folder.mkdir()
    folder.chmod(0o777)
    out = folder / "pick"

    first, second = (
        robots_trainer.run("trainer.pick", folder, "record", "--out", str(out), "--episodes", "2") for _ in range(2)
    )

    facts = json.loads((out / "meta" / "info.json").read_text(encoding="utf-8"))
    assert first == second == f"2 episodes of {facts['total_frames']} frames are in {out}\n"
    assert (facts["codebase_version"], facts["fps"], facts["total_episodes"]) == ("v3.0", 10, 2)
    assert {key for key, feature in facts["features"].items() if feature["dtype"] == "image"} == {
        "observation.images.top",
        "observation.images.wrist",
    }
    assert [path.name for path in folder.iterdir()] == ["pick"]
    assert not (out / "images").exists()


@pytest.mark.trainer
def test_a_policy_of_lerobots_is_rolled_out_with_its_weights_or_with_first_ones(
    robots_trainer: Trainer, world: Path
) -> None:
    folder = world / "pick-policy"
    folder.mkdir()
    folder.chmod(0o777)
    policy, moving, still = folder / "policy", folder / "tries.webp", folder / "tries.png"
    robots_trainer.run_program(Path(__file__).parent / "pick_policy.py", folder, str(policy))
    asked = ("roll-out", "--policy", str(policy), "--seeds", "0-2")

    own = robots_trainer.run("trainer.pick", folder, *asked, "--animation", str(moving), "--sheet", str(still))
    first, again, other = (
        json.loads(robots_trainer.run("trainer.pick", folder, *asked, "--embed", "--fresh-weights", seed))
        for seed in ("0", "0", "1")
    )

    assert json.loads(own) == {"tries": 3, "succeeded": []}
    assert moving.read_bytes()[8:12] == b"WEBP"
    assert still.read_bytes().startswith(b"\x89PNG")
    assert first["animation"] == again["animation"] != other["animation"]
