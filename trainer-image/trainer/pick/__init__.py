"""A small robot task in a simulation: a gripper above a table picks up a block and brings it to a zone."""
