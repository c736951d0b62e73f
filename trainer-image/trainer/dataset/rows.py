"""One row of a chat dataset: `{"messages": [{"role", "content"}, …]}` as a frozen value, or the reason why it is none.

A message may carry `weight: 0` (an assistant's turn that is shown but not learned); a row may carry `tools`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.contract.reading import kind, shown
from trainer.failures import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES: Final = ("system", "user", "assistant", "tool")
ROW_KEYS: Final = ("messages", "tools")
MESSAGE_KEYS: Final = ("role", "content", "weight", "name", "tool_calls", "tool_call_id", "reasoning_content")
OTHER_ROLES: Final[Mapping[str, str]] = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
"""What other formats call our roles."""
OTHER_FORMATS: Final = ("prompt", "completion", "text", "conversations", "instruction", "input_ids", "token_ids")
"""Keys by which rows of other formats are known."""


class RowError(ValueError):
    """Why a row cannot be used: a sentence that follows the file's name and line number."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `fields` is what the chat template gets; `learned` says whether its tokens count in the loss."""

    role: str
    fields: Mapping[str, object]
    learned: bool


@dataclass(frozen=True, slots=True)
class ChatRow:
    """One conversation. `ignored` names keys that were there and have no meaning here."""

    messages: tuple[Message, ...]
    tools: tuple[object, ...] = ()
    ignored: tuple[str, ...] = ()


def parse_row(row: object) -> ChatRow:
    """The conversation in one decoded line; RowError says what was found and what is allowed."""
    if isinstance(row, list):
        raise RowError("is a JSON array. A dataset is JSON Lines: one object with a 'messages' list on each line")
    if not isinstance(row, dict):
        raise RowError(f"is {kind(row)}, must be an object with a 'messages' list")
    messages = row.get("messages")
    if not isinstance(messages, list):
        raise RowError(_no_messages(row))
    if not messages:
        raise RowError("'messages' is empty, must have at least one turn of role 'assistant'")
    parsed = tuple(_message(message, f"messages[{index}]") for index, message in enumerate(messages))
    if not any(message.learned for message in parsed):
        raise RowError(_nothing_to_learn(parsed))
    tools = row.get("tools") or []
    if not isinstance(tools, list):
        raise RowError(f"'tools' is {kind(tools)}, must be a list")
    ignored = {key for key in row if key not in ROW_KEYS}
    ignored |= {f"messages[].{key}" for message in messages for key in message if key not in MESSAGE_KEYS}
    return ChatRow(messages=parsed, tools=tuple(tools), ignored=tuple(sorted(ignored)))


def _no_messages(row: Mapping[str, object]) -> str:
    if "messages" in row:
        return f"'messages' is {kind(row['messages'])}, must be a list of objects with 'role' and 'content'"
    found = ", ".join(f"'{key}'" for key in list(row)[:6]) or "nothing"
    message = f"has no 'messages'; found {found}."
    near = next((hint for key in row if (hint := did_you_mean(key, ROW_KEYS[:1]))), "")
    if near:
        return message + near
    if any(key in row for key in OTHER_FORMATS):
        return message + " Only the chat format is understood: a list of {role, content} under 'messages'"
    return message + " Each line must be an object with a list of {role, content} under 'messages'"


def _nothing_to_learn(messages: tuple[Message, ...]) -> str:
    if any(message.role == "assistant" for message in messages):
        return "has only assistant turns with 'weight': 0, so there is nothing to learn from it"
    roles = ", ".join(dict.fromkeys(message.role for message in messages))
    return f"has no turn of role 'assistant' to learn from; found {roles}"


def _message(message: object, where: str) -> Message:
    if not isinstance(message, dict):
        raise RowError(f"{where} is {kind(message)}, must be an object with 'role' and 'content'")
    _refuse_misspelt_keys(message, where)
    role = _role(message, where)
    learned = _learned(message, where, role)
    _check_content(message, where, role)
    known = {key: value for key, value in message.items() if key in MESSAGE_KEYS and key != "weight"}
    return Message(role=role, fields=known, learned=learned)


def _refuse_misspelt_keys(message: Mapping[str, object], where: str) -> None:
    for key in message:
        near = "" if key in MESSAGE_KEYS else did_you_mean(key, [name for name in MESSAGE_KEYS if name not in message])
        if near:
            raise RowError(f"{where} has the unknown key '{key}'.{near}")


def _role(message: Mapping[str, object], where: str) -> str:
    if "role" not in message:
        raise RowError(f"{where} has no 'role', must be one of {', '.join(ROLES)}")
    role = message["role"]
    if isinstance(role, str) and role in ROLES:
        return role
    name = str(role).strip().lower()
    hint = f" Did you mean '{OTHER_ROLES[name]}'?" if name in OTHER_ROLES else did_you_mean(name, ROLES)
    raise RowError(f"{where}.role is {shown(role)}, must be one of {', '.join(ROLES)}.{hint}")


def _learned(message: Mapping[str, object], where: str, role: str) -> bool:
    weight = message.get("weight", 1)
    if weight not in (0, 1) or isinstance(weight, bool):
        raise RowError(f"{where}.weight is {shown(weight)}, must be 0 (shown, not learned) or 1 (learned)")
    return role == "assistant" and weight == 1


def _check_content(message: Mapping[str, object], where: str, role: str) -> None:
    content = message.get("content")
    calls_tools = role == "assistant" and bool(message.get("tool_calls"))
    if content is None and calls_tools:
        return
    if "content" not in message:
        raise RowError(f"{where} has no 'content', must be a string")
    if not isinstance(content, str):
        hint = " (parts such as pictures are not understood)" if isinstance(content, list) else ""
        raise RowError(f"{where}.content is {kind(content)}, must be a string{hint}")
    if role == "assistant" and not content.strip() and not calls_tools:
        raise RowError(f"{where}.content is empty: an assistant's turn must say what is to be learned")
    try:
        content.encode()
    except UnicodeEncodeError as error:
        raise RowError(f"{where}.content has half of a character (\\u{ord(content[error.start]):04x})") from error
