"""GR00T: fine-tuned by the programs of its makers, as child processes that are watched; see docs/groot.md."""
