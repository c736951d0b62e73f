"""The weights that ACT's eyes start from: named, fetched in stage prepare, checked, and found by torchvision."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.servers.web import WebServer
from tests.trainer.documents import put
from tests.trainer.real_trainer import WITHIN
from tests.trainer.robot_jobs import RobotJob, RobotTrainer
from tests.trainer.robot_runs import robot_document
from trainer.backends.lerobot.abilities import check_abilities
from trainer.backends.lerobot.backbone import FILES, PARAM, SETTING
from trainer.contract.run import Run, parse_run
from trainer.failures import UserError

NAME = "ResNet18_Weights.IMAGENET1K_V1"
NAMED = {f"hyperparameters__extra__{SETTING}": NAME}


def act_run(**extra: object) -> Run:
    document = robot_document(Path("/w"), [Path("/d")])
    put(document, ["hyperparameters", "lora"], {"enabled": False})
    put(document, ["hyperparameters", "extra"], extra)
    return parse_run(document)


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({SETTING: "ResNet18_Weights.IMAGENET1K_V2"}, f"Did you mean '{NAME}'?"),
        ({SETTING: "imagenet"}, f"It has: {NAME}"),
        ({SETTING: NAME, "vision_backbone": "resnet34"}, "the backbone resnet34 has no such weights"),
    ],
)
def test_weights_that_the_backbone_does_not_have_are_refused_with_those_it_has(
    extra: dict[str, object], expected: str
) -> None:
    with pytest.raises(UserError) as refused:
        check_abilities(act_run(**extra))
    assert (refused.value.code, refused.value.param) == ("HyperparameterUnsupported", PARAM)
    assert expected in refused.value.message


@pytest.mark.parametrize(
    "extra",
    [{}, {SETTING: None}, {SETTING: NAME}, {SETTING: "ResNet50_Weights.IMAGENET1K_V2", "vision_backbone": "resnet50"}],
)
def test_weights_that_there_are_and_none_at_all_are_taken(extra: dict[str, object]) -> None:
    check_abilities(act_run(**extra))


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
def test_a_fetched_file_is_what_torchvision_finds_by_its_name(
    robot_trainer: RobotTrainer, web: WebServer, tmp_path: Path
) -> None:
    content = _weights(robot_trainer, tmp_path)
    name = f"resnet18-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    web.files[f"/models/{name}"] = content
    document = robot_document(tmp_path / "workspace", [tmp_path])
    (tmp_path / "run.json").write_text(json.dumps(document))
    variables = {"FINETUNE_RUN_JSON": str(tmp_path / "run.json"), "SSL_CERT_FILE": str(web.certificate)}
    script = Path(__file__).with_name("robot_backbone.py")
    answer = robot_trainer.script(script, f"{web.url}/models/{name}", variables=variables)
    facts = json.loads(answer.partition("FACTS ")[2].splitlines()[0])
    assert facts["loaded"] == [0.0, 1.0, 2.0]
    assert facts["asked"] == dict(FILES)


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
def test_a_file_that_is_another_than_its_name_says_is_refused_with_the_remedy(
    act_job: RobotJob, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUNE_TORCHVISION_URL", f"{web.url}/mirror/")
    monkeypatch.setenv("SSL_CERT_FILE", str(web.certificate))
    web.files[f"/mirror/{FILES[NAME]}"] = b"something else"
    damaged = act_job.attempt("prepare", NAMED)
    assert (damaged.exit_code, damaged.verdict["code"]) == (64, "ModelNotFound"), damaged.output
    assert damaged.verdict["param"] == PARAM
    assert "has sha256" in str(damaged.verdict["message"])
    assert f"Set {SETTING} to null" in str(damaged.verdict["advice"])
    del web.files[f"/mirror/{FILES[NAME]}"]
    absent = act_job.attempt("prepare", NAMED)
    assert (absent.exit_code, absent.verdict["code"]) == (64, "ModelNotFound"), absent.output
    assert "does not exist" in str(absent.verdict["message"])


@pytest.mark.trainer
@pytest.mark.timeout(4 * WITHIN)
def test_a_file_that_is_mounted_is_trained_from_and_no_robot_asks_for_it(
    act_job: RobotJob, robot_trainer: RobotTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = tmp_path / "hub" / "checkpoints"
    held.mkdir(parents=True)
    save = "import sys, torch, torchvision; torch.save(torchvision.models.resnet18().state_dict(), sys.argv[1])"
    _run(robot_trainer, save, held / FILES[NAME])
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    # No such server: whoever asks for anything fails.
    monkeypatch.setenv("FINETUNE_TORCHVISION_URL", "https://127.0.0.1:1")
    trained = act_job.attempt("train", {**NAMED, "hyperparameters__steps": 2})
    assert trained.exit_code == 0, trained.output
    assert "random weights" not in trained.output
    config = json.loads((act_job.workspace.model / "config.json").read_text())
    assert config[SETTING] is None


def _weights(trainer: RobotTrainer, folder: Path) -> bytes:
    """A file as torch saves it, of three numbers."""
    save = "import sys, torch; torch.save({'weight': torch.arange(3.0)}, sys.argv[1])"
    _run(trainer, save, folder / "weights.pth")
    return (folder / "weights.pth").read_bytes()


def _run(trainer: RobotTrainer, program: str, file: Path) -> None:
    script = file.with_name("save.py")
    script.write_text(program)
    trainer.script(script, str(file))
