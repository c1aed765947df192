"""The panes of the Metric place."""
