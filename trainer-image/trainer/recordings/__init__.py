"""LeRobot datasets, read and judged as files: without LeRobot, without torch, on CPU and in seconds."""
