"""A life of one job, visit by visit: what the operator does, says and when it looks again."""

from __future__ import annotations

from dataclasses import dataclass, field

from finetune_operator.api.model import Json
from finetune_operator.api.status import Attempt, FineTuneJobStatus, Stage
from finetune_operator.planning.assess import assess
from finetune_operator.planning.decide import Action, Needs, decide, look_again
from finetune_operator.planning.observed import Beside
from finetune_operator.planning.resolve import Admission
from finetune_operator.planning.stand import late, stand, unconfirmed
from finetune_operator.planning.standing import Standing, View
from tests.unit.planning.scene import a_job, at, in_its_run, resolved_for, scene


@dataclass(frozen=True)
class Visit:
    """One look at a job. ``again``: seconds until the next one, None when an event will tell."""

    view: View
    standing: Standing
    actions: tuple[Action, ...]
    status: FineTuneJobStatus
    again: float | None
    must_list: bool
    """Whether the operator would have listed Jobs and pods before it believed this."""

    @property
    def words(self) -> tuple[str | None, str | None]:
        """Phase and reason."""
        return self.status.phase, self.status.reason

    @property
    def last(self) -> Attempt:
        """The latest attempt."""
        return self.status.attempts[-1]

    def attempt(self, stage: Stage, number: int) -> Attempt:
        """What the status says of one attempt."""
        return next(a for a in self.status.attempts if (a.stage, a.number) == (stage, number))


@dataclass
class Life:
    """A job whose status is what the last visit wrote. ``spec``: fields that differ from a small valid job."""

    spec: Json = field(default_factory=dict)
    status: FineTuneJobStatus | None = None
    generation: int = 1

    def asks(self, **spec: object) -> None:
        """The owner edits the spec."""
        self.spec, self.generation = self.spec | spec, self.generation + 1

    def visit(self, *children: Json | tuple[Json, ...], now: float = 0, beside: Beside | None = None) -> Visit:
        """The operator looks at these Jobs and pods, so many seconds after the beginning."""
        seen = visit(scene(a_job(self.spec, self.status, self.generation), *children, now=at(now), beside=beside))
        self.status = seen.status
        return seen


def visit(view: View) -> Visit:
    """What one look at this leads to. Nothing is done: what follows an action is another scene."""
    view = in_its_run(view)
    plan, standing = Admission(view.job.status.resolved or resolved_for(view.job)), stand(view, None)
    return Visit(
        view,
        standing,
        decide(standing, Needs(), late(view)),
        assess(view, standing, plan, None),
        look_again(standing, view),
        unconfirmed(standing, view),
    )
