"""`make demo-vla`: a robot's demonstrations, a policy trained on them by a FineTuneJob, and its tries before and after."""
