"""Robot policies and reward models through LeRobot: its own training loop, run in this process and held at few places."""
