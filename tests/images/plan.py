"""What an image is going to be called: its sources decide, so that a changed source never runs under an old name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.images import context, python_image
from tests.images.recipes import CHECKOUT, CODE_ONLY

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.images.context import Context
    from tests.images.recipes import Cost, Recipe


@dataclass(frozen=True)
class Plan:
    """An image to be: the files it is made from, and the two halves of its tag (8 hexadecimal digits each)."""

    recipe: Recipe
    context: Context
    packages: str
    code: str

    @property
    def reference(self) -> str:
        """The image reference, for pods and for the store: REPOSITORY:PACKAGES-CODE."""
        return f"{self.recipe.repository}:{self.packages}-{self.code}"

    def cost(self, present: Collection[str]) -> Cost:
        """Tell what to expect where the images `present` are: next to nothing if one has the same packages."""
        prefix = f"{self.recipe.repository}:{self.packages}-"
        return CODE_ONLY if any(name.startswith(prefix) for name in present) else self.recipe.cold


def plan(recipe: Recipe) -> Plan:
    """Read the sources of `recipe`. Raises ImageError when one is missing."""
    folder = CHECKOUT / recipe.folder
    packages = context.read(folder, recipe.packages)
    code = context.read(folder, recipe.code)
    below = hashlib.sha256((python_image.reference() + packages.digest()).encode()).hexdigest()
    return Plan(recipe, context.Context({**packages.files, **code.files}), below[:8], code.digest()[:8])
