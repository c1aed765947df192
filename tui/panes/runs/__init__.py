"""The parts of the Runs place."""
