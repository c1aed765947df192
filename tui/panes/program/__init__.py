"""The panes of the Program place."""
