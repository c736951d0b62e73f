"""Which family of trainers does a stage: language models or robots, each with libraries of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trainer.backends.preparation import note_prepared

if TYPE_CHECKING:
    from trainer.contract.run import Run
    from trainer.contract.verdict import Verdict
    from trainer.training.course import Course
    from trainer.workspace.layout import Workspace

LANGUAGE: Final = "causal_lm"
"""The one type of model that is no robot's."""
OF_ROBOTS: Final = "meta/info.json"
"""The file by which a dataset of robots is known."""


def is_for_robots(run: Run) -> bool:
    """Whether the model is a policy or a reward model; in stage inspect, whether the dataset is one of robots."""
    if run.stage != "inspect":
        return run.model.type != LANGUAGE
    dataset = run.datasets[0]
    by_its_files = dataset.format == "auto" and dataset.path is not None and (dataset.path / OF_ROBOTS).is_file()
    return dataset.format == "lerobot" or by_its_files


def is_groot(run: Run) -> bool:
    """Whether the model is trained by programs of its makers, which need images of their own."""
    return run.model.type in {"gr00t_n1_5", "gr00t_n1_6"}


def check_abilities(run: Run) -> None:
    """UserError for what the image cannot do; told before gigabytes are fetched for it. Model and data are not looked at."""
    if is_groot(run):
        from trainer.backends.groot.abilities import check_abilities as of_groot  # noqa: PLC0415

        of_groot(run)
    elif is_for_robots(run):
        from trainer.backends.lerobot.abilities import check_abilities as of_robots  # noqa: PLC0415

        of_robots(run)
    else:
        from trainer.backends.trl.abilities import check_abilities as of_language  # noqa: PLC0415

        of_language(run)


def prepare(run: Run, workspace: Workspace) -> Verdict:
    """Stage prepare, after which stage train need not look again. Families are imported when it is their turn: they are heavy."""
    verdict = _prepare(run, workspace)
    note_prepared(run, workspace)
    return verdict


def train(run: Run, workspace: Workspace, course: Course) -> Verdict:
    """Stage train."""
    if is_groot(run):
        from trainer.backends.groot.train import train as of_groot  # noqa: PLC0415

        return of_groot(run, workspace, course)
    if run.job_type == "reward":
        from trainer.backends.lerobot.rewards.stages import train as of_rewards  # noqa: PLC0415

        return of_rewards(run, workspace, course)
    if is_for_robots(run):
        from trainer.backends.lerobot.train import train as of_robots  # noqa: PLC0415

        return of_robots(run, workspace, course)
    from trainer.backends.trl.train import train as of_language  # noqa: PLC0415

    return of_language(run, workspace, course)


def publish(run: Run, workspace: Workspace) -> Verdict:
    """Stage publish."""
    if is_for_robots(run):
        from trainer.backends.lerobot.publish import publish as of_robots  # noqa: PLC0415

        return of_robots(run, workspace)
    from trainer.backends.trl.publish import publish as of_language  # noqa: PLC0415

    return of_language(run, workspace)


def inspect_dataset(run: Run) -> Verdict:
    """Stage inspect."""
    if is_for_robots(run):
        from trainer.backends.lerobot.inspect_dataset import inspect_dataset as of_robots  # noqa: PLC0415

        return of_robots(run)
    from trainer.backends.trl.inspect_dataset import inspect_dataset as of_language  # noqa: PLC0415

    return of_language(run)


def _prepare(run: Run, workspace: Workspace) -> Verdict:
    if is_groot(run):
        from trainer.backends.groot.prepare import prepare as of_groot  # noqa: PLC0415

        return of_groot(run, workspace)
    if run.job_type == "reward":
        from trainer.backends.lerobot.rewards.stages import prepare as of_rewards  # noqa: PLC0415

        return of_rewards(run, workspace)
    if is_for_robots(run):
        from trainer.backends.lerobot.prepare import prepare as of_robots  # noqa: PLC0415

        return of_robots(run, workspace)
    from trainer.backends.trl.prepare import prepare as of_language  # noqa: PLC0415

    return of_language(run, workspace)
