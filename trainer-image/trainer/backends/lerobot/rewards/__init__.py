"""Reward models with LeRobot: SARM is trained, computes progress, and RA-BC weights a policy's samples by it."""
