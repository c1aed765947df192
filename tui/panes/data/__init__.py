"""The panes of the Data place, and the pure functions they show."""
