"""The model card of a policy, README.md, and the curve of its losses as a picture. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from trainer.backends.lerobot.card_use import shown_use
from trainer.backends.lerobot.fitting import measured_pace
from trainer.recordings.camera_picture import shown_cameras

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.backends.lerobot.setting_up import Setup
    from trainer.contract.run import Run
    from trainer.contract.verdict import Position
    from trainer.training.course import StopReason

WIDTH: Final = 640
HEIGHT: Final = 240
MARGIN: Final = 40
MOST_POINTS: Final = 400
"""Of a curve: more cannot be told apart in it."""
BOUNDS: Final[Mapping[StopReason, str]] = {
    "go on": "these were all that were planned",
    "no better": "the evaluation no longer became better",
    "stopped": "it was stopped as asked",
}
"""What ended a training before its hours did."""
COLOURS: Final[Mapping[str, str]] = {"loss": "#3b6ea5", "evalLoss": "#c0562f"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a card tells of a training: the `step` of the weights, all metrics, and whether its cameras are `pictured`.

    `position` is where the training ended and `reason` why.
    """

    step: int
    metrics: Sequence[Mapping[str, object]]
    position: Position
    reason: StopReason
    pictured: bool = False


def model_card(run: Run, setup: Setup, told: Told) -> tuple[str, str]:
    """The card in Markdown, and the curve in SVG (empty when no loss was logged)."""
    curves = {name: curve(told.metrics, name) for name in COLOURS}
    picture = drawn({name: points for name, points in curves.items() if points})
    recording, given = setup.recording, run.hyperparameters
    last = {name: points[-1][1] for name, points in curves.items() if points}
    lines = [
        "---",
        "library_name: lerobot",
        "pipeline_tag: robotics",
        f"tags: [{setup.kind.lerobot}, robotics]",
        "---",
        "",
        f"# {run.output.model_name or run.job.name}",
        "",
        f"A policy of type `{setup.kind.lerobot}`, {_origin(run, setup)}, after step {told.step}.",
        "",
        "| | |",
        "|---|---|",
        f"| data | {', '.join(f'`{each.uri}`' for each in run.datasets)} |",
        f"| robot | {recording.robot_type or 'not told'} at {recording.fps:g} frames per second |",
        f"| trained on | {len(setup.train_episodes)} episodes, {setup.frames} frames |",
        f"| batch, learning rate, seed | {given.batch_size}, {given.learning_rate:g}, {given.seed} |",
        f"| training | {training_of(told, steps=given.steps, falls=setup.kind.decay is not None)} |",
        *(
            f"| {'loss' if name == 'loss' else 'loss on held-out episodes'} | {loss:.4g} |"
            for name, loss in last.items()
        ),
        "",
        "## Cameras",
        "",
        "| slot | the policy's key | the recording's key |",
        "|---|---|---|",
        *(
            f"| {view.slot} | `{view.policy_key}` | {f'`{view.dataset_key}`' if view.dataset_key else 'none: masked'} |"
            for view in setup.cameras.views
        ),
        "",
        "`inference.json` says the same for programs, with the names of states and actions.",
        *(() if given.lora.enabled else shown_use(setup)),
        *shown_cameras(pictured=told.pictured),
        *(["", "![Losses over the steps](loss.svg)"] if picture else []),
    ]
    return "\n".join(lines) + "\n", picture


def training_of(told: Told, *, steps: int | None, falls: bool) -> str:
    """How many steps in how many hours, and what bounded them. `steps` were asked for (None: no number), and `falls` says whether the learning rate does."""
    position, pace = told.position, measured_pace(told.metrics)
    each = f", {pace:.3g} s each" if pace is not None else ""
    made = f"{position.step} steps in {position.training_seconds / 3600:.3g} hours{each}"
    if told.reason != "deadline":
        return f"{made}; {BOUNDS[told.reason]}"
    with_hours = ", and the learning rate fell to its end with them" if falls and steps is None else ""
    asked = f" before the {steps} steps that were asked for" if steps is not None else ""
    return f"{made}; the hours bounded it{asked}{with_hours}"


def curve(metrics: Sequence[Mapping[str, object]], name: str) -> list[tuple[float, float]]:
    """Step and value of a metric; of a repeated step the last one, thinned out evenly."""
    found: dict[float, float] = {}
    for line in metrics:
        step, value = line.get("step"), line.get(name)
        if isinstance(step, int | float) and isinstance(value, int | float):
            found[float(step)] = float(value)
    points = sorted(found.items())
    every = -(-len(points) // MOST_POINTS) or 1
    return [point for index, point in enumerate(points) if index % every == 0 or index == len(points) - 1]


def drawn(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The curves as SVG with their greatest and smallest values; empty when there are none."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ""
    steps, values = [step for step, _ in points], [value for _, value in points]
    left, right, low, high = min(steps), max(steps), min(values), max(values)

    def place(step: float, value: float) -> str:
        across = (step - left) / ((right - left) or 1)
        up = (value - low) / ((high - low) or 1)
        return f"{MARGIN + across * (WIDTH - 2 * MARGIN):.1f},{HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN):.1f}"

    lines = [
        f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="1.5" points="{" ".join(place(*p) for p in curve)}"/>'
        f'<text x="{MARGIN + 90 * index}" y="20" fill="{COLOURS[name]}">{escape(name)}</text>'
        for index, (name, curve) in enumerate(curves.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{"".join(lines)}'
        f'<text x="4" y="{MARGIN}">{high:.3g}</text><text x="4" y="{HEIGHT - MARGIN}">{low:.3g}</text>'
        f'<text x="{MARGIN}" y="{HEIGHT - 12}">step {left:g}</text>'
        f'<text x="{WIDTH - MARGIN}" y="{HEIGHT - 12}" text-anchor="end">step {right:g}</text></svg>\n'
    )


def _origin(run: Run, setup: Setup) -> str:
    if setup.start.folder is None:
        return "trained from scratch"
    how = "an adapter over" if run.hyperparameters.lora.enabled else "fine-tuned from"
    return f"{how} `{run.model.name}`"
