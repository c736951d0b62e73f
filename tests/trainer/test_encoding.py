"""Which tokens are learned: the assistant's turns, found by the template's marks or by rendering prefixes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence

import pytest

from trainer.backends.trl.encoding import NOT_LEARNED, ChatTokenizer, EncodedRow, Encoding, Tally, encode, encode_row
from trainer.contract.hyperparameters import TrainOn
from trainer.dataset.rows import ChatRow, parse_row
from trainer.failures import UserError


class Talk(ChatRow):
    """A row whose end of life can be seen: it has no slots, so it can be referred to weakly."""


ROLE_ENDS = {"user": "?", "assistant": "!", "system": ".", "tool": ";"}


class LetterTokenizer:
    """One token per letter; a turn is its content and a sign for its role. ``forgets`` hides all but the last turn."""

    chat_template: str | None = "of this class"
    eos_token_id: int | None = ord("!")

    def __init__(self, *, forgets: bool = False) -> None:
        self._forgets = forgets

    def apply_chat_template(self, conversation: list[Mapping[str, object]], **options: object) -> object:
        shown = conversation[-1:] if self._forgets else conversation
        text = "".join(f"{turn['content']}{ROLE_ENDS[str(turn['role'])]}" for turn in shown)
        return text + (">" if options.get("add_generation_prompt") else "")

    def __call__(self, text: str, **options: object) -> Mapping[str, Sequence[object]]:
        del options
        return {"input_ids": [ord(letter) for letter in text], "offset_mapping": [(n, n + 1) for n in range(len(text))]}


class PromptingTokenizer(LetterTokenizer):
    """The same, with the prompt for an answer before each of the assistant's turns, as real templates have it."""

    def apply_chat_template(self, conversation: list[Mapping[str, object]], **options: object) -> object:  # type: ignore[explicit-override]
        turns = [
            {**turn, "content": f"{'>' * (turn['role'] == 'assistant')}{turn['content']}"} for turn in conversation
        ]
        return super().apply_chat_template(list(turns), **options)


def row(*turns: tuple[str, str] | tuple[str, str, int]) -> ChatRow:
    messages = [
        {"role": role, "content": text, **({"weight": weight[0]} if weight else {})} for role, text, *weight in turns
    ]
    return parse_row({"messages": messages})


def learned(encoded: EncodedRow) -> str:
    return "".join(chr(label) if label != NOT_LEARNED else "_" for label in encoded.labels)


TALK = row(("user", "hi"), ("assistant", "yo"), ("user", "so"), ("assistant", "no"))
TOKENIZER: ChatTokenizer = PromptingTokenizer()
WHOLE = Encoding(TOKENIZER, longest=100)


def test_only_the_assistants_turns_are_learned_with_their_ends() -> None:
    assert learned(encode_row(TALK, WHOLE)) == "____yo!____no!"


def test_a_turn_of_weight_zero_stays_in_the_context_and_out_of_the_loss() -> None:
    talk = row(("user", "hi"), ("assistant", "yo", 0), ("user", "so"), ("assistant", "no"))
    encoded = encode_row(talk, WHOLE)
    assert learned(encoded) == "___________no!"
    assert "yo" in "".join(map(chr, encoded.input_ids))


UNLEARNED = row(("user", "hi"), ("assistant", "yo", 0), ("user", "so"), ("assistant", "no"))


@pytest.mark.parametrize(
    ("train_on", "talk", "expected"),
    [
        ("assistant", TALK, "____yo!____no!"),
        ("completion", TALK, "___________no!"),
        ("all", TALK, "hi?>yo!so?>no!"),
        ("completion", UNLEARNED, "___________no!"),
        ("all", UNLEARNED, "hi?>___so?>no!"),
    ],
)
def test_what_is_learned_is_what_the_job_says_but_never_a_turn_of_weight_zero(
    train_on: TrainOn, talk: ChatRow, expected: str
) -> None:
    assert learned(encode_row(talk, Encoding(TOKENIZER, 100, train_on))) == expected


def test_a_long_row_is_cut_off_and_one_without_answers_is_dropped() -> None:
    kept: list[EncodedRow] = []
    tally = encode([TALK, row(("user", "how do you do"), ("assistant", "fine"))], Encoding(TOKENIZER, 10), kept.append)
    assert [learned(each) for each in kept] == ["____yo!___"]
    assert tally == Tally(rows=1, tokens=10, longest=10, truncated=2, dropped=1, ends_learned=True)


def test_rows_are_counted_one_by_one_and_not_held() -> None:
    held: list[weakref.ref[ChatRow]] = []
    alive: list[int] = []

    def rows() -> Iterator[ChatRow]:
        for _ in range(50):
            talk = Talk(TALK.messages)
            held.append(weakref.ref(talk))
            yield talk
            del talk
            alive.append(sum(each() is not None for each in held))

    assert encode(rows(), WHOLE, lambda _: None).rows == 50
    assert max(alive) == 1


def test_an_end_of_turn_outside_the_loss_is_noticed() -> None:
    assert encode([TALK], WHOLE, lambda _: None).ends_learned
    assert not encode([TALK], Encoding(TOKENIZER, 6), lambda _: None).ends_learned


def test_a_template_whose_turns_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(UserError, match="turns cannot be told apart") as refused:
        encode_row(TALK, Encoding(LetterTokenizer(forgets=True), 100))
    assert refused.value.code == "ModelUnsupported"


def test_a_model_without_a_chat_template_is_refused() -> None:
    plain = LetterTokenizer()
    plain.chat_template = None
    with pytest.raises(UserError, match="has no chat template"):
        encode([TALK], Encoding(plain, 100), lambda _: None)
