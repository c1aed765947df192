"""The panes that the places are made of."""
