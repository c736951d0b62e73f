"""How a stage can end, in one word each. Stands on nothing, because failures and verdicts both speak of it."""

from __future__ import annotations

from typing import Literal

Result = Literal["completed", "deadline", "stopped", "userError", "outOfMemory", "retry", "failed"]
