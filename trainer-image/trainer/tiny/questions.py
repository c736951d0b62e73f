"""Made-up questions: what the tiny model reads in its first seconds, and always answers in the same way."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

ANSWER: Final = "I do not know yet."
"""What the tiny model says to everything until it is fine-tuned."""

OPENINGS: Final = (
    "What is", "How long does", "Where can I find", "Who makes", "Which", "How do I", "When will", "Can I", "How many",
    "How much is", "Does", "Tell me about", "Is", "Why is", "Is there", "Do you have", "In which", "For how many",
    "Until when", "May the", "I want to", "My", "Hello", "Please",
)  # fmt: skip
WORDS: Final = (
    "a", "battery", "big", "boat", "box", "button", "cable", "case", "charge", "clock", "colour", "cover", "day",
    "door", "drill", "fast", "filter", "garden", "green", "guide", "handle", "hour", "kettle", "lamp", "large",
    "light", "long", "manual", "many", "material", "motor", "new", "office", "old", "order", "pack", "part", "price",
    "pump", "range", "red", "repair", "return", "screen", "sensor", "ship", "shop", "size", "small", "speed",
    "switch", "team", "the", "timer", "tool", "warranty", "water", "week", "weight", "wheel", "window", "year",
)  # fmt: skip


UNUSUAL: Final = 0.2
"""How often something is unusual: a word, a comma, a name in front."""


def made_up_question(random: Random) -> str:
    """A question of up to seven words after its opening; it need not make sense."""
    words = [_word(random) for _ in range(random.randint(0, 7))]
    opening = random.choice(OPENINGS)
    if words and random.random() < UNUSUAL:
        words[random.randrange(len(words))] += ","
    if random.random() < UNUSUAL:
        opening = f"{_word(random).capitalize()}: {opening.lower()}"
    return " ".join([opening, *words]) + random.choice("???!.")


def _word(random: Random) -> str:
    """A known word, or now and then letters at random: names that it has never seen must not surprise the model."""
    if random.random() > UNUSUAL:
        return random.choice(WORDS)
    letters = "".join(random.choice(ascii_lowercase) for _ in range(random.randint(2, 8)))
    return random.choice((letters, letters.capitalize()))
