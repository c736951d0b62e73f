"""The steps of the demo: each is announced with how long it takes, and timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from tests.pulse import PULSE_SECONDS, pulse

Clock = Callable[[], float]


@dataclass
class Steps:
    """What was done and how long it took, in the order in which it was done."""

    console: Console
    clock: Clock = time.monotonic
    seconds: dict[str, float] = field(default_factory=dict)
    """Of each step that is over, by its name; those given were taken before this program began."""
    pulse_seconds: float = PULSE_SECONDS

    def __post_init__(self) -> None:
        self._begun = self.clock() - sum(self.seconds.values())

    @property
    def total(self) -> float:
        """Seconds since the demo began."""
        return self.clock() - self._begun

    def say(self, text: str) -> None:
        """Print one line, as it is: what tools say may look like markup."""
        self.console.print(text, markup=False, highlight=False)

    @contextmanager
    def step(self, name: str, title: str, about: str) -> Iterator[None]:
        """Announce a step that says by itself how far it is."""
        self.console.print(f"[bold cyan]▸ {title}[/] [dim]({about})[/]", highlight=False)
        with self._timed(name):
            yield
        self._done(name, title)

    @contextmanager
    def quiet_step(self, name: str, title: str, about: str) -> Iterator[None]:
        """The same for a step that says nothing by itself: it is shown that it is still at it."""
        with self.step(name, title, about):
            if self.console.is_terminal:
                with self.console.status(f"[dim]{title} …[/]"):
                    yield
            else:
                with pulse(lambda seconds: self.say(f"  {seconds:.0f} s, {about} expected"), self.pulse_seconds):
                    yield

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        begun = self.clock()
        try:
            yield
        finally:
            self.seconds[name] = round(self.clock() - begun, 1)

    def _done(self, name: str, title: str) -> None:
        self.console.print(f"[green]✔[/] {title}: {self.seconds[name]:.1f} s", highlight=False)
