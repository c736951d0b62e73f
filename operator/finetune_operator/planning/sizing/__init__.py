"""How much memory a training needs on each GPU, and how long it takes: arithmetic only, shown in words."""
