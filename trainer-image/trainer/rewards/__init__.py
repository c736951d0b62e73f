"""Reward models and progress: what may be combined, and what given models, files and annotations must be like. Without LeRobot."""
