"""What runs inside a container of a job: the way into a step, the first step and the last."""
