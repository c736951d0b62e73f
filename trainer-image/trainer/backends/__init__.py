"""One package per family of libraries that can train; each has `prepare` and `train`."""
