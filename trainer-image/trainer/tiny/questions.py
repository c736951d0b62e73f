"""Made-up questions: what the tiny model reads in its first seconds, and always answers in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

ANSWER: Final = "I do not know yet."
"""What the tiny model says to everything until it is fine-tuned."""

OPENINGS: Final = (
    "What is", "How long does", "Where can I find", "Who makes", "Which", "How do I", "When will", "Can I", "How many",
    "How much is", "Does", "Tell me about", "Is", "Why is",
)  # fmt: skip
WORDS: Final = (
    "a battery big boat box button cable case charge clock colour cover day door drill fast filter garden green guide"
    " handle hour kettle lamp large light long manual many material motor new office old order pack part price pump"
    " range red repair return screen sensor ship shop size small speed switch team the timer tool warranty water"
    " week weight wheel window year"
).split()


def made_up_question(random: Random) -> str:
    """A question of two to seven words after its opening; it need not make sense."""
    words = [random.choice(WORDS) for _ in range(random.randint(2, 7))]
    return f"{random.choice(OPENINGS)} {' '.join(words)}?"
