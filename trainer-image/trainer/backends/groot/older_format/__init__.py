"""LeRobot's dataset format 2.1, written from 3.0: GR00T N1.6 reads the older one, with `meta/modality.json` beside it."""
