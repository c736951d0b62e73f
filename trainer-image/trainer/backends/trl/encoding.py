"""From conversations to tokens: the chat template's text, and a loss on the assistant's turns alone.

Which tokens are learned comes from the template's own generation marks where it has them; else from rendering the
conversation up to each turn. A turn of weight 0 is shown and not learned. A job may ask for the last turn alone
(`completion`), or for everything that is not of weight 0 (`all`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from trainer.backends.trl.model_folder import PARAM
from trainer.failures import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainer.contract.hyperparameters import TrainOn
    from trainer.dataset.rows import ChatRow

NOT_LEARNED: Final = -100
"""The label of a token that does not count in the loss."""
_GENERATION_MARK: Final = re.compile(r"\{%-?\s*generation\s*-?%\}")

Span = tuple[int, int]


class ChatTokenizer(Protocol):
    """What is used of a transformers tokenizer."""

    chat_template: str | None
    eos_token_id: int | None

    def apply_chat_template(self, conversation: list[Mapping[str, object]], **options: object) -> object:
        """Render, and tokenize when asked."""

    def __call__(self, text: str, **options: object) -> Mapping[str, Sequence[object]]:
        """Tokenize."""


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """Token ids and as many labels; `truncated` when the conversation was longer than the context."""

    input_ids: list[int]
    labels: list[int]
    truncated: bool

    @property
    def learned(self) -> bool:
        """Whether any of its tokens counts in the loss."""
        return any(label != NOT_LEARNED for label in self.labels)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows can be learned from, with how many tokens (padding not counted), and what was lost on the way.

    `longest` is in tokens. `ends_learned` says that some row teaches where a turn ends.
    """

    rows: int = 0
    tokens: int = 0
    longest: int = 0
    truncated: int = 0
    dropped: int = 0
    ends_learned: bool = False

    def plus(self, row: EncodedRow, end: int | None) -> Tally:
        """The tally with one more row. `end` is the token that ends a turn."""
        if not row.learned:
            return dataclasses.replace(self, truncated=self.truncated + row.truncated, dropped=self.dropped + 1)
        return Tally(
            rows=self.rows + 1,
            tokens=self.tokens + len(row.input_ids),
            longest=max(self.longest, len(row.input_ids)),
            truncated=self.truncated + row.truncated,
            dropped=self.dropped,
            ends_learned=self.ends_learned or end is None or end in row.labels,
        )


Keep = Callable[[EncodedRow], None]
"""What takes a row that can be learned from; a list's `append`, for example."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How rows become tokens: with which tokenizer, how many at most, and what of them is learned."""

    tokenizer: ChatTokenizer
    longest: int
    train_on: TrainOn = "assistant"


def encode(rows: Iterable[ChatRow], encoding: Encoding, keep: Keep) -> Tally:
    """Put all rows into tokens, one by one, and give them to `keep`; none is held here.

    A row that loses every learned token by its length is dropped. UserError (ModelUnsupported) when the model has no
    chat template, or one whose turns cannot be told apart.
    """
    if not encoding.tokenizer.chat_template:
        raise _unsupported(
            "the model's tokenizer has no chat template",
            "Start from a chat or instruct model, or give spec.model.chatTemplate.",
        )
    tally = Tally()
    for row in rows:
        encoded = encode_row(row, encoding)
        tally = tally.plus(encoded, encoding.tokenizer.eos_token_id)
        if encoded.learned:
            keep(encoded)
    return tally


def encode_row(row: ChatRow, encoding: Encoding) -> EncodedRow:
    """One conversation in tokens."""
    tokenizer, longest = encoding.tokenizer, encoding.longest
    text = _render(tokenizer, row, len(row.messages))
    tokens = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    input_ids = [int(token) for token in tokens["input_ids"]]  # type: ignore[call-overload]
    spans = _learned_spans(row, encoding, text)
    offsets: Sequence[Span] = tokens["offset_mapping"]  # type: ignore[assignment]
    labels = [
        token if any(start <= offset[0] < end for start, end in spans) else NOT_LEARNED
        for token, offset in zip(input_ids, offsets, strict=True)
    ]
    return EncodedRow(input_ids[:longest], labels[:longest], truncated=len(input_ids) > longest)


def _learned_spans(row: ChatRow, encoding: Encoding, text: str) -> list[Span]:
    """Where what is learned stands in the rendered text, as [start, end) in characters."""
    turns = [index for index, message in enumerate(row.messages) if message.role == "assistant"]
    if encoding.train_on == "all" and all(row.messages[turn].learned for turn in turns):
        return [(0, len(text))]
    spans = _assistant_spans(row, encoding.tokenizer, text, turns)
    learned = [span for span, turn in zip(spans, turns, strict=True) if row.messages[turn].learned]
    if encoding.train_on == "all":
        return _between([span for span in spans if span not in learned], len(text))
    return learned if encoding.train_on == "assistant" else [span for span in learned if span == spans[-1]]


def _between(spans: list[Span], end: int) -> list[Span]:
    """What the spans leave of [0, end)."""
    starts, ends = [0, *(span[1] for span in spans)], [*(span[0] for span in spans), end]
    return [(start, stop) for start, stop in zip(starts, ends, strict=True) if start < stop]


def _assistant_spans(row: ChatRow, tokenizer: ChatTokenizer, text: str, turns: list[int]) -> list[Span]:
    """Where the assistant's turns stand, learned or not."""
    spans = _marked_spans(row, tokenizer, text) if _GENERATION_MARK.search(tokenizer.chat_template or "") else []
    if len(spans) != len(turns):
        spans = [_rendered_span(row, tokenizer, text, turn) for turn in turns]
    return spans


def _marked_spans(row: ChatRow, tokenizer: ChatTokenizer, text: str) -> list[Span]:
    """The spans between generation marks, found by the mask that the template gives for its tokens."""
    marked = tokenizer.apply_chat_template(
        [message.fields for message in row.messages],
        tools=list(row.tools) or None,
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    mask = "".join(str(bit) for bit in marked["assistant_masks"])  # type: ignore[index]
    offsets: Sequence[Span] = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]  # type: ignore[assignment]
    if len(offsets) != len(mask):
        return []
    return [(offsets[run.start()][0], offsets[run.end() - 1][1]) for run in re.finditer("1+", mask)]


def _rendered_span(row: ChatRow, tokenizer: ChatTokenizer, text: str, turn: int) -> Span:
    """The span of one turn: what its text adds to the conversation before it and the prompt for an answer."""
    before = _render(tokenizer, row, turn, add_generation_prompt=True)
    upto = _render(tokenizer, row, turn + 1)
    if not (upto.startswith(before) and text.startswith(upto)):
        raise _unsupported(
            "the model's chat template shows earlier turns differently later on and has no generation marks, so the"
            " assistant's turns cannot be told apart",
            "Use a template with {% generation %} marks.",
        )
    return len(before), len(upto)


def _render(tokenizer: ChatTokenizer, row: ChatRow, turns: int, *, add_generation_prompt: bool = False) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(
                [message.fields for message in row.messages[:turns]],
                tools=list(row.tools) or None,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
            )
        )
    except Exception as error:  # templates raise what they like: jinja's own errors, TypeError, KeyError …
        roles = ", ".join(message.role for message in row.messages)
        raise _unsupported(
            f"the model's chat template refuses a conversation of the roles {roles}: {error}",
            "Bring the conversations into the order that the model was made for.",
        ) from error


def _unsupported(message: str, advice: str) -> UserError:
    return UserError("ModelUnsupported", message, param=PARAM, advice=advice)
