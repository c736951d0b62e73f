"""The parts of the resolution, each a pure function: which model, which hardware, which values, which cameras."""
