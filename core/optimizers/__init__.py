"""DSPy's optimizers: what each takes, needs and costs, and how the real class is built and watched."""
