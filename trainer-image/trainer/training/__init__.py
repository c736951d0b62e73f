"""What every family of models shares about a training in progress: its plan, clock, ends, heartbeat and progress."""
